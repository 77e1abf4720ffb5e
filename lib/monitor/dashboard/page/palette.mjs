// Colours of lines: six that colour-blind readers tell apart (after Okabe and Ito), then the same ones dashed. style.css has their values.

const COLOURS = 6;
const DASHES = [undefined, [6, 4], [2, 3]];

/** What always has the same colour. */
export const BLUE = 0;
export const VERMILLION = 1;
export const GREEN = 2;
export const PURPLE = 3;
export const AMBER = 4;
export const SKY = 5;

export const dashOf = (slot) => DASHES[Math.floor(slot / COLOURS) % DASHES.length];
/** The class that gives an element the colour, as `--colour`. */
export const classOf = (slot) => `c${slot % COLOURS}${dashOf(slot) === undefined ? '' : ' dashed'}`;

/** Colours as the canvas takes them, of the theme that is on. */
export function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    text: read('--muted'),
    strong: read('--text'),
    grid: read('--grid'),
    surface: read('--surface'),
    line: (slot) => read(`--c${slot % COLOURS}`),
  };
}

/** Gives each key the first slot that is free, for as long as the page is open: a bus has one colour in all charts and tables. */
export class Slots {
  #slots = new Map();

  of(key) {
    if (!this.#slots.has(key)) this.#slots.set(key, this.#slots.size);
    return this.#slots.get(key);
  }
}
