import { InternLimit } from '../generated/layout';
import type { Shape } from './shapes';
import type { TableChannel } from './table-channel';
import type { Tables } from './tables';

/** Strings shorter than this are as small inline as by id. */
const SHORTEST = 4;
/** A string is admitted to the process-wide table when it came this often in one place. */
const SIGHTINGS = 3;
/** After so many misses in a row a place holds ever-new strings (ids, texts) ... */
const MISSES = 32;
/** ... and is not looked at for so many strings. */
const REST = 2048;

/**
 * What was seen in one place of the messages (a topic's payload, a field of a shape, the elements of an array): the inline
 * cache of the encoder, as a JavaScript engine has one for each property access. It predicts what comes next; a wrong
 * prediction costs time, never correctness.
 */
export class Slot {
  /** The shape that objects had here last. */
  shape: Shape | null = null;
  /** The place of the elements, when arrays, maps or sets come here. */
  private inner: Slot | null = null;

  private text = '';
  private textId = 0;
  private second = '';
  private secondId = 0;
  private sightings = 0;
  private misses = 0;

  get element(): Slot {
    this.inner ??= new Slot();
    return this.inner;
  }

  /** The id of a string that keeps coming here, or 0. Who keeps it first has it counted against his quota. */
  stringId(text: string, tables: Tables, channel: TableChannel): number {
    if (this.misses >= MISSES) {
      if (++this.misses < REST) return 0;
      this.misses = 0;
    }
    if (text === this.text) {
      this.misses = 0;
      if (this.textId > 0) return this.textId;
      if (this.textId === 0 && ++this.sightings >= SIGHTINGS) this.textId = tables.internString(text, channel) || -1;
      return this.textId > 0 ? this.textId : 0;
    }
    if (text === this.second) {
      // Two values that alternate both get their turn at being first.
      const id = this.secondId;
      this.second = this.text;
      this.secondId = this.textId;
      this.text = text;
      this.textId = id;
      this.misses = 0;
      if (id === 0) this.sightings++;
      return id > 0 ? id : 0;
    }
    if (text.length < SHORTEST || text.length > InternLimit.MaxInternedStringLength) return 0;
    this.misses++;
    this.second = this.text;
    this.secondId = this.textId;
    this.text = text;
    this.textId = 0;
    this.sightings = 1;
    return 0;
  }
}
