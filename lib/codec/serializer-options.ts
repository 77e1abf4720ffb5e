import { checkInteger, refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import { CompressionType } from './compression-type';
import { checkMaxPayloadBytes, snappy } from './frame';

/** How messages are written, and how large one may be that is read. All of it may be left out. */
export interface SerializerOptions {
  /**
   * How values are compressed. What is small, or does not get smaller, stays as it is. Default: NONE. SNAPPY is refused
   * (`ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION`). Whatever is chosen, all others are read.
   */
  compression?: CompressionType | undefined;
  /** Smallest value that is compressed, in bytes. Default: 1024. */
  compressionThreshold?: number | undefined;
  /** Ends each message with a CRC-32 of it, so that a reader notices bytes that were changed on their way. Default: false. */
  checksum?: boolean | undefined;
  /**
   * Writes shapes and strings that keep coming as ids in the tables of this process: smaller and faster, but only this process reads
   * it, for as long as it runs. Default: false, which every process reads.
   */
  tables?: boolean | undefined;
  /** Largest value that is written and read, in bytes before compression. Default: 64 MiB. */
  maxPayloadBytes?: number | undefined;
}

/** The options, each checked and filled in. */
export interface CheckedOptions {
  readonly compression: CompressionType;
  readonly compressionThreshold: number;
  readonly checksum: boolean;
  readonly tables: boolean;
  readonly maxPayloadBytes: number;
}

const DEFAULT_THRESHOLD = 1024;

const known = ['compression', 'compressionThreshold', 'checksum', 'tables', 'maxPayloadBytes'];

export function checkSerializerOptions(options: SerializerOptions, where: string): CheckedOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, known, where);
  const { compression = CompressionType.NONE, compressionThreshold = DEFAULT_THRESHOLD } = options;
  const { checksum = false, tables = false, maxPayloadBytes } = options;
  if (compression === CompressionType.SNAPPY) throw snappy(`${where} was given CompressionType.SNAPPY`);
  checkInteger('compression', compression, CompressionType.NONE, CompressionType.LZ4, 'a CompressionType');
  checkInteger('compressionThreshold', compressionThreshold, 0, 0xffff_ffff, 'bytes');
  checkBoolean('checksum', checksum);
  checkBoolean('tables', tables);
  return {
    compression,
    compressionThreshold,
    checksum,
    tables,
    maxPayloadBytes: checkMaxPayloadBytes(maxPayloadBytes),
  };
}

function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new AgentwireArgumentError(name, 'true or false', value);
}
