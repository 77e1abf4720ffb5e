import { resolve } from 'node:path';
import { allocateShared, checkBytes, checkInteger, checkSharedBuffer, isGone, lostMemory } from '../checks';
import {
  AgentwireArgumentError,
  AgentwireClosedError,
  AgentwireError,
  AgentwireRangeError,
  quote,
  withContext,
} from '../errors';
import { Stream } from '../generated/layout';
import { native } from '../native';

type NativeStream = InstanceType<typeof native.NativeStream>;
type StreamFunctions = ReturnType<NativeStream['functions']>;

/** The figures of a stream, of one moment. */
export interface MemoryMappedBufferStats {
  /** Bytes that the stream holds when it is full. */
  capacity: number;
  /** Bytes that wait to be read. */
  used: number;
  /** Bytes that can be written now: capacity - used. */
  available: number;
  /** used / capacity, from 0 to 1. */
  utilization: number;
  /** Bytes written since the stream was made. */
  totalWritten: number;
  /** Bytes read, or cleared, since the stream was made. */
  totalRead: number;
}

const MAX_CAPACITY = Stream.MaxCapacityMiB * 2 ** 20;

/** Short reads and writes of this thread go through it; native has its address. Made with the first stream. */
let scratch: Uint8Array | undefined;
let figures: Float64Array;

function scratchMemory(): Uint8Array {
  if (scratch === undefined) {
    scratch = new Uint8Array(new SharedArrayBuffer(Stream.ScratchBytes));
    figures = new Float64Array(scratch.buffer);
  }
  return scratch;
}

/** What a stream is made of. */
class Parts {
  constructor(
    readonly native: NativeStream,
    readonly buffer: SharedArrayBuffer | undefined,
    readonly path: string | undefined,
  ) {}
}

/**
 * A circular stream of bytes, in shared memory or in a file, for one writer and one reader at a time.
 *
 * Any thread that has it may write and read. Calls of several writers (or several readers) take turns, each whole; but the stream
 * knows no messages, so two readers that take a header and then a body would get in each other's way.
 *
 * In a file (`MemoryMappedBuffer.open`) the stream survives the process: a write that returned true is in the file, also when
 * the process is killed at the next instruction, and a write that was cut short is not there at all. After a power cut (or a
 * crash of the operating system) only what was there at the last `flush()` is sure to be there; what was written later may be
 * lost or spoilt, and the file may then be refused as damaged. One process at a time has the file open.
 *
 * **Never truncate a file while it is open as a stream.** The operating system ends (SIGBUS) any process that touches mapped
 * bytes which the file no longer has, and no program can turn that into an error. Deleting or renaming it is harmless.
 */
export class MemoryMappedBuffer {
  /** The shared memory, to be given to `attach` in other threads; undefined for a stream in a file. */
  readonly buffer: SharedArrayBuffer | undefined;
  /** The absolute path of the file, to be given to `open` in other threads; undefined for a stream in shared memory. */
  readonly path: string | undefined;
  readonly #native: NativeStream;
  readonly #functions: StreamFunctions;
  readonly #scratch: Uint8Array;
  readonly #capacity: number;

  /**
   * Makes a stream in shared memory.
   *
   * @param capacity bytes that it holds when it is full; 64 MiB if not given. It takes address space now, and memory as it is
   * written to.
   */
  constructor(capacity?: number);
  constructor(capacity: number | Parts = Stream.DefaultCapacity) {
    const parts = capacity instanceof Parts ? capacity : createShared(capacity);
    this.buffer = parts.buffer;
    this.path = parts.path;
    this.#native = parts.native;
    this.#functions = parts.native.functions();
    this.#scratch = scratchMemory();
    this.#capacity = parts.native.capacity;
  }

  /** The stream whose `.buffer` that is, for another thread than the one that made it. */
  static attach(sharedArrayBuffer: SharedArrayBuffer): MemoryMappedBuffer {
    const memory = checkSharedBuffer('MemoryMappedBuffer', sharedArrayBuffer);
    if (memory.length < Stream.HeaderBytes) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_FOREIGN_MEMORY',
        `MemoryMappedBuffer.attach: the SharedArrayBuffer has ${memory.length} bytes, too few for a stream; give the .buffer of a MemoryMappedBuffer`,
      );
    }
    const attached = withContext('MemoryMappedBuffer.attach', () =>
      native.NativeStream.attach(memory, scratchMemory()),
    );
    return fromParts(new Parts(attached, sharedArrayBuffer, undefined));
  }

  /**
   * Opens the stream in a file, with everything in it that was written and not read; or makes the file, if there is none or it
   * is empty. The room on the disk is taken now, so a full disk is an error here and nothing later. (On file systems that write
   * changed blocks elsewhere, such as Btrfs, the disk can still be full later; that ends the process as a truncation does.)
   *
   * Threads of one process may all open the file. Any other process is refused (`ERR_AGENTWIRE_FILE_IN_USE`) until the last of
   * them has closed it or ended.
   *
   * Other refusals, none of which changes the file: `ERR_AGENTWIRE_NOT_A_FILE`, `ERR_AGENTWIRE_NO_FOLDER`,
   * `ERR_AGENTWIRE_FILE_PERMISSION`, `ERR_AGENTWIRE_FOREIGN_FILE`, `ERR_AGENTWIRE_FILE_TRUNCATED`,
   * `ERR_AGENTWIRE_FILE_VERSION`, `ERR_AGENTWIRE_DAMAGED`, `ERR_AGENTWIRE_FILE_CAPACITY`, `ERR_AGENTWIRE_DISK_FULL`, and
   * `ERR_AGENTWIRE_FILE` for whatever else the operating system says.
   *
   * @param path the file; its folder must exist
   * @param capacity for a new file: bytes that the stream holds when it is full, 64 MiB if not given. For a file that is there:
   * the capacity that it must have, any if not given.
   */
  static open(path: string, capacity?: number): MemoryMappedBuffer {
    if (typeof path !== 'string' || path === '' || path.includes('\0')) {
      throw new AgentwireArgumentError('path', 'the path of a file, a string that is not empty and without NUL', path);
    }
    if (capacity !== undefined) checkCapacity(capacity);
    const absolute = resolve(path);
    const opened = withContext(`MemoryMappedBuffer.open(${JSON.stringify(absolute)})`, () =>
      native.NativeStream.open(absolute, capacity, scratchMemory()),
    );
    return fromParts(new Parts(opened, undefined, absolute));
  }

  /** Bytes that the stream holds when it is full. */
  get capacity(): number {
    return this.#capacity;
  }

  /**
   * Appends all the bytes, or none of them: false when there is no room for them now.
   *
   * @throws AgentwireRangeError `ERR_AGENTWIRE_TOO_LONG` for more bytes than the capacity; they would never fit
   */
  write(data: Uint8Array): boolean {
    const { length } = checkBytes('data', data);
    const result = this.#isShortForeign(data, length)
      ? this.#functions.writeShort(length)
      : this.#functions.write(data);
    if (result === length) return true;
    // Fewer: native saw an array without memory.
    if (result >= 0) throw lostMemory('data');
    return this.#orNotNow(result, length);
  }

  /**
   * Takes exactly `length` bytes, a private copy; null when there are fewer now.
   *
   * @throws AgentwireRangeError `ERR_AGENTWIRE_TOO_LONG` for more bytes than the capacity; there will never be as many
   */
  read(length: number): Uint8Array | null {
    checkInteger('length', length, 0, Number.MAX_SAFE_INTEGER);
    if (length <= Stream.ScratchBytes) return this.#copied(this.#functions.readShort(length), length);
    const target = this.#room(length);
    return target && this.#filled(this.#functions.read(target), target);
  }

  /** As `read`, but the bytes stay in the stream. */
  peek(length: number): Uint8Array | null {
    checkInteger('length', length, 0, Number.MAX_SAFE_INTEGER);
    if (length <= Stream.ScratchBytes) return this.#copied(this.#functions.peekShort(length), length);
    const target = this.#room(length);
    return target && this.#filled(this.#functions.peek(target), target);
  }

  /**
   * Takes as many bytes as there are now, at most `target.length`, and writes them to the beginning of `target`. Returns how
   * many, which may be fewer than there is room for: 0 when the stream is empty.
   */
  readInto(target: Uint8Array): number {
    const { length } = checkBytes('target', target);
    const result = this.#functions.readSome(target);
    if (result >= 0) return result;
    if (result !== -Stream.NoTarget) return this.#fail(result, length);
    if (length > 0 || isGone(target)) throw lostMemory('target');
    return 0;
  }

  /** Forgets what was written and not read. Safe while other threads use the stream; repairs one that is damaged. */
  clear(): void {
    const result = this.#functions.clear();
    if (result < 0) this.#fail(result, 0);
  }

  getStats(): MemoryMappedBufferStats {
    const result = this.#functions.positions();
    if (result < 0) this.#fail(result, 0);
    const [totalWritten, totalRead] = figures;
    const capacity = this.#capacity;
    const used = totalWritten - totalRead;
    return { capacity, used, available: capacity - used, utilization: used / capacity, totalWritten, totalRead };
  }

  /**
   * Waits until everything that was written before is on the disk, where a power cut does not reach it. Blocks this thread for as
   * long as the disk takes. Not needed for surviving the end of a process, however it comes. Does nothing in shared memory.
   */
  flush(): void {
    try {
      this.#native.flush();
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_AGENTWIRE_CLOSED') throw this.#closed();
      withContext(`flush() of ${this.#name}`, () => {
        throw error;
      });
    }
  }

  /**
   * Closes this thread's handle. The file is closed when the last handle of the process is (or was collected); then another
   * process may open it. A second close does nothing; any other call throws AgentwireClosedError.
   */
  close(): void {
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #name(): string {
    return this.path === undefined ? 'the MemoryMappedBuffer' : `the MemoryMappedBuffer in ${quote(this.path)}`;
  }

  /**
   * True when the data is in the scratch memory now: it is short, and V8 may keep it on its own heap, where such arrays
   * are at offset 0. The stream's own bytes are refused by native: at offset 0 they are its header, which is known by its first
   * byte. (`.buffer` would tell, but it has V8 move the bytes out.)
   */
  #isShortForeign(data: Uint8Array, length: number): boolean {
    if (length > Stream.ScratchBytes || data.byteOffset !== 0) return false;
    try {
      this.#scratch.set(data);
    } catch {
      throw lostMemory('data');
    }
    return length === 0 || this.#scratch[0] !== Stream.FirstByte;
  }

  /** A private copy of the scratch memory's beginning. */
  #copied(result: number, length: number): Uint8Array | null {
    if (result >= 0) return this.#scratch.slice(0, length);
    this.#orNotNow(result, length);
    return null;
  }

  /** Memory for as many bytes, when they are there: null costs no memory. */
  #room(length: number): Uint8Array | null {
    const used = this.#functions.used();
    if (used < 0) this.#fail(used, length);
    if (length > this.#capacity) this.#fail(-Stream.TooLong, length);
    if (used < length) return null;
    try {
      return new Uint8Array(length);
    } catch (cause) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_OUT_OF_MEMORY',
        `there is no memory for ${length} bytes in one piece; they are still in the stream; read them in smaller pieces`,
        { cause },
      );
    }
  }

  /** The bytes, unless another reader was faster. */
  #filled(result: number, target: Uint8Array): Uint8Array | null {
    if (result >= 0) return target;
    this.#orNotNow(result, target.length);
    return null;
  }

  #orNotNow(result: number, length: number): false {
    if (result === -Stream.NotNow) return false;
    return this.#fail(result, length);
  }

  #closed(): AgentwireClosedError {
    return new AgentwireClosedError(this.#name, 'open it again, or attach to its .buffer again');
  }

  #fail(result: number, length: number): never {
    switch (-result) {
      case Stream.Closed:
        throw this.#closed();
      case Stream.TooLong:
        throw new AgentwireRangeError(
          'ERR_AGENTWIRE_TOO_LONG',
          `${length} bytes are more than ${this.#name} can ever hold, which is ${this.#capacity}; go in smaller pieces, or make it larger`,
        );
      case Stream.Overlap:
        throw new AgentwireError(
          'ERR_AGENTWIRE_OVERLAP',
          `the bytes given are those of ${this.#name} itself, which change while it copies them; give a copy, such as bytes.slice()`,
        );
      case Stream.Damaged:
        throw new AgentwireError(
          'ERR_AGENTWIRE_DAMAGED',
          `the positions of ${this.#name} cannot be: somebody has written over its memory; clear() makes it usable again, empty`,
        );
      default:
        throw new AgentwireError('ERR_AGENTWIRE_INTERNAL', `unknown answer ${result}; this is a bug, please report it`);
    }
  }
}

/** The constructor takes parts too, and says so to nobody else. */
function fromParts(parts: Parts): MemoryMappedBuffer {
  return new (MemoryMappedBuffer as unknown as new (parts: Parts) => MemoryMappedBuffer)(parts);
}

function checkCapacity(capacity: unknown): number {
  return checkInteger('capacity', capacity, 1, MAX_CAPACITY, 'bytes');
}

function createShared(capacity: unknown): Parts {
  const memory = allocateShared(Stream.HeaderBytes + checkCapacity(capacity), 'the MemoryMappedBuffer');
  const created = withContext('new MemoryMappedBuffer', () => native.NativeStream.create(memory, scratchMemory()));
  return new Parts(created, memory.buffer as SharedArrayBuffer, undefined);
}
