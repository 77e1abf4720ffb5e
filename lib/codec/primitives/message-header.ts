import { checkInteger } from '../../checks';
import { AgentwireArgumentError } from '../../errors';
import { MessageHeader } from '../../generated/layout';
import { AgentwireDecodeError } from '../reader';
import { isU64, notU64 } from './varint';

// Every message that leaves the process begins with the same 24 bytes, little-endian (docs/wire-format.md, section 3; the
// numbers are those of src/codec/frame/layout.rs):
//
//  byte  0       1       2       3       4                               8
//       +-------+-------+-------+-------+-------------------------------+
//    0  | 0xCF  |version| type  | flags | payloadLength u32             |
//       +-------+-------+-------+-------+-------------------------------+
//    8  | timestamp u64, nanoseconds since the Unix epoch               |
//       +---------------------------------------------------------------+
//   16  | correlationId u64                                             |
//       +---------------------------------------------------------------+

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
  const { magic = MessageHeader.Magic, version = MessageHeader.Version, type, flags = 0 } = header;
  const { payloadLength, timestamp, correlationId = 0n } = header;
  if (magic !== MessageHeader.Magic) throw new AgentwireArgumentError('header.magic', '0xCF (207), or left out', magic);
  if (version !== MessageHeader.Version) {
    throw new AgentwireArgumentError('header.version', `${MessageHeader.Version}, or left out`, version);
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
  view.setUint8(at + MessageHeader.VersionAt, header.version);
  view.setUint8(at + MessageHeader.TypeAt, header.type);
  view.setUint8(at + MessageHeader.FlagsAt, header.flags);
  view.setUint32(at + MessageHeader.PayloadLengthAt, header.payloadLength, true);
  view.setBigUint64(at + MessageHeader.TimestampAt, header.timestamp, true);
  view.setBigUint64(at + MessageHeader.CorrelationIdAt, header.correlationId, true);
}

/** Reads a header from memory that has all its bytes. */
export function readHeaderFields(view: DataView, at: number): BinaryMessageHeader {
  const magic = view.getUint8(at);
  if (magic !== MessageHeader.Magic) {
    throw new AgentwireDecodeError(`a header begins with 0xcf, and this is 0x${magic.toString(16)}: no message`, at);
  }
  const version = view.getUint8(at + MessageHeader.VersionAt);
  if (version !== MessageHeader.Version) {
    throw new AgentwireDecodeError(
      `a header of version ${version}, and this agentwire reads version ${MessageHeader.Version}; use the one that wrote it`,
      at + MessageHeader.VersionAt,
    );
  }
  return {
    magic,
    version,
    type: view.getUint8(at + MessageHeader.TypeAt),
    flags: view.getUint8(at + MessageHeader.FlagsAt),
    payloadLength: view.getUint32(at + MessageHeader.PayloadLengthAt, true),
    timestamp: view.getBigUint64(at + MessageHeader.TimestampAt, true),
    correlationId: readCorrelationId(view, at + MessageHeader.CorrelationIdAt),
  };
}

/** Most messages have none, and a bigint is an object that must be made. */
function readCorrelationId(view: DataView, at: number): bigint {
  return view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0 ? 0n : view.getBigUint64(at, true);
}
