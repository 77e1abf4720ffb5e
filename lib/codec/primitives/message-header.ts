import { checkInteger } from '../../checks';
import { AgentwireArgumentError } from '../../errors';
import { AgentwireDecodeError } from '../reader';
import { isU64, notU64 } from './varint';

// Every message that leaves the process begins with the same 24 bytes, little-endian (docs/wire-format.md, section 3):
//
//  byte  0       1       2       3       4                               8
//       +-------+-------+-------+-------+-------------------------------+
//    0  | 0xCF  |version| type  | flags | payloadLength u32             |
//       +-------+-------+-------+-------+-------------------------------+
//    8  | timestamp u64, nanoseconds since the Unix epoch               |
//       +---------------------------------------------------------------+
//   16  | correlationId u64                                             |
//       +---------------------------------------------------------------+

/** The first byte of every header. */
export const HEADER_MAGIC = 0xcf;
/** The version of the layout, which is also the only one that is read. */
export const HEADER_VERSION = 1;
/** Bytes of a header. */
export const HEADER_BYTES = 24;

/** What stands before the payload of a message. */
export interface BinaryMessageHeader {
  /** 0xCF. */
  magic: number;
  /** 1. */
  version: number;
  /** What the message is about: a MessageType, or a number up to 255 of the user's own. */
  type: number;
  /** Eight bits. */
  flags: number;
  /** Bytes of the payload, up to 2^32 - 1. */
  payloadLength: number;
  /** Nanoseconds since the Unix epoch. */
  timestamp: bigint;
  /** Joins a message with its answer; 0 where there is none. */
  correlationId: bigint;
}

/** A header to write: what every message has alike may be left out. */
export type BinaryMessageHeaderInput = Pick<BinaryMessageHeader, 'type' | 'payloadLength' | 'timestamp'> &
  Partial<BinaryMessageHeader>;

/** The fields of a header, each looked at once. */
export function checkHeader(header: BinaryMessageHeaderInput): BinaryMessageHeader {
  if (typeof header !== 'object' || header === null) {
    throw new AgentwireArgumentError('header', 'an object with type, payloadLength and timestamp', header);
  }
  const { magic = HEADER_MAGIC, version = HEADER_VERSION, type, flags = 0 } = header;
  const { payloadLength, timestamp, correlationId = 0n } = header;
  if (magic !== HEADER_MAGIC) throw new AgentwireArgumentError('header.magic', '0xCF (207), or left out', magic);
  if (version !== HEADER_VERSION) {
    throw new AgentwireArgumentError('header.version', `${HEADER_VERSION}, or left out`, version);
  }
  checkInteger('header.type', type, 0, 0xff);
  checkInteger('header.flags', flags, 0, 0xff);
  checkInteger('header.payloadLength', payloadLength, 0, 0xffff_ffff, 'bytes');
  if (!isU64(timestamp)) throw notU64('header.timestamp', timestamp);
  if (!isU64(correlationId)) throw notU64('header.correlationId', correlationId);
  return { magic, version, type, flags, payloadLength, timestamp, correlationId };
}

/** Writes a header that was checked to memory that has room. */
export function writeHeaderFields(view: DataView, at: number, header: BinaryMessageHeader): void {
  view.setUint8(at, header.magic);
  view.setUint8(at + 1, header.version);
  view.setUint8(at + 2, header.type);
  view.setUint8(at + 3, header.flags);
  view.setUint32(at + 4, header.payloadLength, true);
  view.setBigUint64(at + 8, header.timestamp, true);
  view.setBigUint64(at + 16, header.correlationId, true);
}

/** Reads a header from memory that has all its bytes. */
export function readHeaderFields(view: DataView, at: number): BinaryMessageHeader {
  const magic = view.getUint8(at);
  if (magic !== HEADER_MAGIC) {
    throw new AgentwireDecodeError(`a header begins with 0xcf, and this is 0x${magic.toString(16)}: no message`, at);
  }
  const version = view.getUint8(at + 1);
  if (version !== HEADER_VERSION) {
    throw new AgentwireDecodeError(
      `a header of version ${version}, and this agentwire reads version ${HEADER_VERSION}; use the one that wrote it`,
      at + 1,
    );
  }
  return {
    magic,
    version,
    type: view.getUint8(at + 2),
    flags: view.getUint8(at + 3),
    payloadLength: view.getUint32(at + 4, true),
    timestamp: view.getBigUint64(at + 8, true),
    correlationId: view.getBigUint64(at + 16, true),
  };
}
