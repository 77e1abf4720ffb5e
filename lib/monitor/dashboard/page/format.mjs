// Numbers as people read them: three digits and a unit.

/** Between a number and its unit, so that no line breaks there. */
const SPACE = '\u00a0';

/** Three significant digits; as many of each figure, so that it does not jump when it changes. */
function digits(value) {
  if (value >= 100) return String(Math.round(value));
  return value.toPrecision(value < 1 ? 2 : 3);
}

function scaled(value, step, units) {
  let unit = 0;
  let rest = Math.abs(value);
  // What would be rounded to 1000 has the next unit.
  while (rest >= step * 0.9995 && unit < units.length - 1) {
    rest /= step;
    unit += 1;
  }
  const text = unit === 0 && Number.isInteger(rest) ? String(rest) : digits(rest);
  return `${value < 0 ? '-' : ''}${text}${units[unit] === '' ? '' : SPACE + units[unit]}`;
}

/** Without the zeros behind the point, for axes: "20 k", not "20.0 k". */
export const short = (text) => text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');

export const count = (value) => scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
export const rate = (perSecond) => `${count(perSecond)}/s`;
export const bytes = (value) => scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);
export const percent = (value) => `${value > 0 && value < 10 ? Number(value.toFixed(1)) : Math.round(value)}${SPACE}%`;
export const milliseconds = (ms) => (ms === 0 ? `0${SPACE}ms` : latency(ms * 1e6));
/** Nanoseconds. */
export const latency = (ns) => scaled(ns, 1000, ['ns', '\u00b5s', 'ms', 's']);
/** The whole number. */
export const exactly = (value) => Math.round(value).toLocaleString('en');

/** A time of day, of milliseconds since 1970. */
export const clock = (time) => new Date(time).toTimeString().slice(0, 8);

/** "2 d 3 h", "3 min 12 s", "12 s". */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return `0${SPACE}s`;
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => value + SPACE + unit)
    .join(' ');
}
