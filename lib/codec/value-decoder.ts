import { types } from 'node:util';
import { isGone, lostMemory } from '../checks';
import { AgentwireArgumentError } from '../errors';
import { MessageHeader } from '../generated/layout';
import type { AnyBytes } from './any-bytes';
import { Decoder } from './decoder';
import { payloadLengthOf, privateMessage } from './frame';
import { byteLengthOf, bytesOf } from './primitives/memory';
import type { Tables } from './tables';
import { isReadableView } from './unsupported';
import { released } from './value-encoder';

/**
 * What is up to this long is copied before it is read: 30 ns, where it takes 200 to read from memory that was not read from before. And
 * no other thread writes the copy.
 */
const COPIED_BYTES = 4096;

const empty = new Uint8Array(0);
const emptyView = new DataView(empty.buffer);

/** What messages and values are read from: a buffer, or a view of whatever kind, over shared memory or not. */
export type BinarySource = AnyBytes;

/** A decoder of a BinaryCodecPool, as its user sees it: of values, without the header of a message. */
export interface PooledDecoder {
  /**
   * The value that the bytes are, all of them, which `encode` of a pooled encoder made. Throws AgentwireDecodeError
   * (`ERR_AGENTWIRE_UNDECODABLE`). The bytes are read now, not when the decoder was acquired.
   */
  decode(): unknown;
}

/** What a serializer reads with: the decoder of values, and memory for short messages. It runs no code of users'. */
export class ValueDecoder implements PooledDecoder {
  /** Somebody has it. */
  isOut = false;
  /** The bytes that were loaded, and perhaps others behind them. No other thread writes them. */
  memory: Uint8Array = empty;
  view: DataView = emptyView;
  private source: BinarySource | null = null;
  private scratch: Uint8Array = empty;
  private scratchView: DataView = emptyView;
  private plain: Decoder | null = null;
  private plainMemory: Uint8Array = empty;
  private byTables: Decoder | null = null;
  private byTablesMemory: Uint8Array = empty;

  constructor(
    /** The pool that it is of. */
    readonly owner: object,
    private readonly tables: () => Tables,
    private readonly usesTables: boolean,
  ) {}

  /** Begins a use of this source, which is looked at when it is decoded. */
  use(source: BinarySource): void {
    if (!(source instanceof Uint8Array) && !isSource(source)) throw notSource('buffer', source);
    this.source = source;
  }

  decode(): unknown {
    if (!this.isOut) throw released('decoder');
    const length = this.load('buffer', this.source as BinarySource, false);
    return this.readValue(0, length, this.usesTables);
  }

  /**
   * Makes `memory` begin with the bytes of a source: how many there are. Of a message, bytes behind it may be left out.
   */
  load(name: string, source: unknown, isMessage: boolean): number {
    const bytes = bytesOfAny(name, source);
    const length = byteLengthOf.call(bytes);
    if (length <= COPIED_BYTES) return this.loadCopy(name, bytes, length);
    const plain = bytesOf(name, bytes);
    const messageLength = isMessage ? MessageHeader.Bytes + payloadLengthOf(plain) : length;
    if (messageLength <= COPIED_BYTES) return this.loadCopy(name, plain.subarray(0, messageLength), messageLength);
    this.memory = isMessage ? privateMessage(plain) : types.isSharedArrayBuffer(plain.buffer) ? plain.slice() : plain;
    this.view = new DataView(this.memory.buffer, this.memory.byteOffset, this.memory.byteLength);
    return this.memory.length;
  }

  private loadCopy(name: string, bytes: Uint8Array, length: number): number {
    if (this.scratch.length === 0) {
      this.scratch = new Uint8Array(COPIED_BYTES);
      this.scratchView = new DataView(this.scratch.buffer);
    }
    try {
      this.scratch.set(bytes);
    } catch {
      throw lostMemory(name);
    }
    this.memory = this.scratch;
    this.view = this.scratchView;
    return length;
  }

  /** Reads the value that fills the loaded bytes from `start` to `end`. */
  readValue(start: number, end: number, usesTables: boolean): unknown {
    return this.readFrom(this.memory, start, end, usesTables);
  }

  /** Reads the value that fills the bytes from `start` to `end` of some memory. */
  readFrom(memory: Uint8Array, start: number, end: number, usesTables: boolean): unknown {
    if (usesTables) {
      this.byTables ??= new Decoder(this.tables());
      if (this.byTablesMemory !== memory) this.byTables.attach(memory);
      this.byTablesMemory = memory;
      return this.byTables.readRoot(start, end);
    }
    this.plain ??= new Decoder(null);
    if (this.plainMemory !== memory) this.plain.attach(memory);
    this.plainMemory = memory;
    return this.plain.readRoot(start, end);
  }

  /** Lets go of the user's memory. */
  rest(): void {
    this.source = null;
    this.memory = empty;
    this.view = emptyView;
    const { scratch } = this;
    if (this.plainMemory !== scratch && this.plainMemory.length > 0) {
      this.plainMemory = scratch;
      (this.plain as Decoder).attach(scratch);
    }
    if (this.byTablesMemory !== scratch && this.byTablesMemory.length > 0) {
      this.byTablesMemory = scratch;
      (this.byTables as Decoder).attach(scratch);
    }
  }
}

/** The bytes of a source, of a length that does not follow its buffer. */
function bytesOfAny(name: string, source: unknown): Uint8Array {
  if (source instanceof Uint8Array && ArrayBuffer.isView(source)) {
    // Empty, or it has lost its memory.
    if (source.length === 0 && isGone(source)) throw lostMemory(name);
    return source;
  }
  if (!isSource(source)) throw notSource(name, source);
  if (ArrayBuffer.isView(source)) {
    if (!isReadableView(source)) throw lostMemory(name);
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  try {
    return new Uint8Array(source, 0, source.byteLength);
  } catch {
    throw lostMemory(name);
  }
}

function isSource(source: unknown): source is BinarySource {
  return ArrayBuffer.isView(source) || types.isAnyArrayBuffer(source);
}

function notSource(name: string, given: unknown): AgentwireArgumentError {
  const expected = 'an ArrayBuffer, a SharedArrayBuffer, or a view of one (a Uint8Array, a Buffer, ...)';
  return new AgentwireArgumentError(name, expected, given);
}
