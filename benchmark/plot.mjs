// A plot of lines over logarithmic axes as SVG, with a background of its own, so that it can be read on a light and a dark page.

const WIDTH = 800;
const HEIGHT = 460;
/** The right margin has the names of the lines. */
const MARGIN = { left: 84, right: 196, top: 70, bottom: 56 };
const PLOT = {
  left: MARGIN.left,
  right: WIDTH - MARGIN.right,
  top: MARGIN.top,
  bottom: HEIGHT - MARGIN.bottom,
};
/** Least distance of two names, px. */
const LABEL_GAP = 17;
/** Colours that are told apart by those who see fewer of them (Okabe and Ito); ours are the blue ones. */
const OURS = ['#0072b2', '#3a9bd9'];
const PEERS = ['#d55e00', '#00805e', '#a8518a', '#8a6d00'];
const INK = '#1f2328';
const QUIET = '#59636e';
const GRID = '#d8dee4';
const FAINT = '#eef1f4';

/**
 * `{title, x: {label, scale}, y: {label, scale, better}, series: [{name, points: [{x, y, low, high}]}]}`: what a growth series of the
 * benchmark's JSON is. The title says whether higher or lower is better; a thin line at each point goes from the lowest round to the highest.
 */
export function plot({ title, x, y, series }) {
  const points = series.flatMap((line) => line.points);
  const across = axis(
    x.scale,
    points.map((point) => point.x),
    PLOT.left,
    PLOT.right,
    { isTight: true },
  );
  const up = axis(
    y.scale,
    points.flatMap(({ low, high, y: middle }) => [low, middle, high]),
    PLOT.bottom,
    PLOT.top,
  );
  const lines = paint(series);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(describe({ x, y, series }))}</desc>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="6" fill="#ffffff" stroke="${GRID}"/>`,
    text({ x: 20, y: 27, fill: INK, size: 15, weight: 600 }, `${title}: ${y.better} is better`),
    text({ x: 20, y: 46, fill: QUIET }, y.label),
    ...grid(across, up),
    text({ x: (PLOT.left + PLOT.right) / 2, y: HEIGHT - 14, fill: QUIET, anchor: 'middle' }, x.label),
    ...lines.flatMap((line) => drawn(line, across.at, up.at)),
    ...names(lines, up.at),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

/** An axis from `start` to `end` px: `at(value)`, its labelled ticks and its faint ones. */
export function axis(scale, values, start, end, { isTight = false } = {}) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const marks = isTight ? ticksWithin(scale, least, most) : ticksAround(scale, least, most);
  const from = isTight ? least : Math.min(least, marks[0]);
  const to = isTight ? most : Math.max(most, marks.at(-1));
  // A single value stands in the middle.
  const span = Math.log(to / from) || 1;
  const offset = to === from ? 0.5 : 0;
  const at = (value) => start + (end - start) * (Math.log(value / from) / span + offset);
  return { at, ticks: marks.map((value) => ({ at: at(value), label: labelOf(scale, value) })) };
}

/** Powers that lie between two values: of 2 where they are close together or are bytes, else of 10. */
function ticksWithin(scale, least, most) {
  const base = scale === 'bytes' ? 4 : most / least <= 100 ? 2 : 10;
  const ticks = [];
  for (let power = Math.ceil(Math.log(least) / Math.log(base) - 1e-9); base ** power <= most * (1 + 1e-9); power++) {
    ticks.push(base ** power);
  }
  return ticks.length < 2 ? [...new Set([least, most])] : ticks;
}

/** 1, 2 and 5 of each power of ten, or the powers alone over many, from the last one below to the first one above. */
function ticksAround(_scale, least, most) {
  const steps = most / least > 2_000 ? [1] : [1, 2, 5];
  const all = [];
  for (let power = Math.floor(Math.log10(least)) - 1; power <= Math.ceil(Math.log10(most)) + 1; power++) {
    for (const step of steps) all.push(step * 10 ** power);
  }
  const below = all.findLastIndex((tick) => tick <= least * (1 + 1e-9));
  const above = all.findIndex((tick) => tick >= most * (1 - 1e-9));
  return all.slice(below, above + 1);
}

/** 1 k, 20 M, 64 KiB, 5 us. */
export function labelOf(scale, value) {
  const inUnits = (units, size) => {
    let [index, count] = [0, value];
    while (count >= size * (1 - 1e-9) && index < units.length - 1) {
      count /= size;
      index++;
    }
    return `${Number(count.toPrecision(3))}${units[index] === '' ? '' : ` ${units[index]}`}`;
  };
  if (scale === 'bytes') return inUnits(['B', 'KiB', 'MiB', 'GiB'], 1024);
  if (scale === 'ns') return inUnits(['ns', 'us', 'ms', 's'], 1000);
  return inUnits(['', 'k', 'M', 'G'], 1000);
}

function grid(across, up) {
  const horizontal = up.ticks.flatMap(({ at, label }) => [
    line({ x1: PLOT.left, x2: PLOT.right, y1: at, y2: at, stroke: GRID }),
    text({ x: PLOT.left - 8, y: at + 4, fill: QUIET, anchor: 'end' }, label),
  ]);
  const vertical = across.ticks.flatMap(({ at, label }) => [
    line({ x1: at, x2: at, y1: PLOT.top, y2: PLOT.bottom, stroke: FAINT }),
    text({ x: at, y: PLOT.bottom + 18, fill: QUIET, anchor: 'middle' }, label),
  ]);
  return [...vertical, ...horizontal];
}

/** Ours is blue and thick. */
function paint(series) {
  let [ours, peers] = [0, 0];
  return series.map((one) => {
    const isOurs = one.name.startsWith('agentwire');
    const colour = isOurs ? OURS[ours++ % OURS.length] : PEERS[peers++ % PEERS.length];
    return { ...one, colour, width: isOurs ? 2.5 : 1.75 };
  });
}

function drawn({ points, colour, width }, atX, atY) {
  const path = points.map((point) => `${round(atX(point.x))},${round(atY(point.y))}`).join(' ');
  return [
    ...points.map(({ x, low, high }) =>
      line({ x1: atX(x), x2: atX(x), y1: atY(low), y2: atY(high), stroke: colour, opacity: 0.45 }),
    ),
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`,
    ...points.map(
      ({ x, y }) => `<circle cx="${round(atX(x))}" cy="${round(atY(y))}" r="${width + 0.75}" fill="${colour}"/>`,
    ),
  ];
}

/** The names at the right, each as near to the end of its line as the others leave room. */
function names(lines, atY) {
  const wanted = lines
    .map(({ name, colour, points }) => ({ name, colour, y: atY(points.at(-1).y) }))
    .sort((a, b) => a.y - b.y);
  for (const [index, label] of wanted.entries()) {
    if (index > 0) label.y = Math.max(label.y, wanted[index - 1].y + LABEL_GAP);
  }
  for (let index = wanted.length - 1; index >= 0; index--) {
    const most = index === wanted.length - 1 ? PLOT.bottom : wanted[index + 1].y - LABEL_GAP;
    wanted[index].y = Math.min(wanted[index].y, most);
  }
  return wanted.map(({ name, colour, y }) => text({ x: PLOT.right + 14, y: y + 4, fill: colour, weight: 600 }, name));
}

/** For those who hear the picture. */
function describe({ x, y, series }) {
  const ends = series.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    const value = (point) => `${labelOf(y.scale, point.y)} at ${labelOf(x.scale, point.x)}`;
    return `${name}: ${value(first)}, ${value(last)}`;
  });
  return `${y.label} by ${x.label}. ${ends.join('. ')}.`;
}

function line({ x1, x2, y1, y2, stroke, opacity }) {
  const place = `x1="${round(x1)}" x2="${round(x2)}" y1="${round(y1)}" y2="${round(y2)}"`;
  return `<line ${place} stroke="${stroke}"${opacity === undefined ? '' : ` stroke-opacity="${opacity}"`}/>`;
}

function text({ x, y, fill, anchor, size, weight }, content) {
  const more = [
    anchor === undefined ? '' : ` text-anchor="${anchor}"`,
    size === undefined ? '' : ` font-size="${size}"`,
    weight === undefined ? '' : ` font-weight="${weight}"`,
  ].join('');
  return `<text x="${round(x)}" y="${round(y)}" fill="${fill}"${more}>${escaped(content)}</text>`;
}

const round = (number) => Math.round(number * 10) / 10;
const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (value) => value.replace(/[&<>"]/g, (character) => entities[character]);
