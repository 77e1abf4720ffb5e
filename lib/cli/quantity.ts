/** Numbers for a terminal: three digits and a unit. */
function scaled(value: number, units: readonly string[], space: string): string {
  let unit = 0;
  let rest = Math.abs(value);
  // What would be rounded to 1000 has the next unit.
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const sign = value < 0 ? '-' : '';
  return `${sign}${digits(rest, unit === 0)}${units[unit] === '' ? '' : space + units[unit]}`;
}

function digits(value: number, isUnscaled: boolean): string {
  if (value >= 100 || (isUnscaled && Number.isInteger(value))) return String(Math.round(value));
  return value.toPrecision(value < 1 ? 2 : 3);
}

export const count = (value: number): string => scaled(value, ['', 'k', 'M', 'G', 'T'], ' ');
export const rate = (perSecond: number): string => `${count(perSecond)}/s`;
export const bytes = (value: number): string => scaled(value, ['B', 'kB', 'MB', 'GB', 'TB'], ' ');
/** Takes nanoseconds. */
export const latency = (ns: number): string => scaled(ns, ['ns', 'us', 'ms', 's'], ' ');
export const milliseconds = (ms: number): string => (ms === 0 ? '0 ms' : latency(ms * 1e6));
export const percent = (value: number): string =>
  `${value > 0 && value < 10 ? Number(value.toFixed(1)) : Math.round(value)} %`;

/** "2 d 3 h", "3 min 12 s", "12 s". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ');
}

/** A time of day, of milliseconds since the Unix epoch. */
export const clock = (time: number): string => new Date(time).toTimeString().slice(0, 8);
