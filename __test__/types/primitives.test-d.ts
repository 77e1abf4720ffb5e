// What only the compiler checks: the types of the primitives, from the root and from the sub-path.
import type * as root from 'agentwire';
import {
  type BinaryMessageHeader,
  type BinaryMessageHeaderInput,
  CompressionType,
  MessageType,
  UltraFastBinaryDecoder,
  UltraFastBinaryEncoder,
  VarintEncoder,
  type VarintResult,
} from 'agentwire/ultra-fast-serialization';

const encoder: root.UltraFastBinaryEncoder = new UltraFastBinaryEncoder(64, 1024);
encoder.writeU8(1);
encoder.writeU64(1n);
encoder.writeVarint(1);
encoder.writeVarintBigInt(1n);
encoder.writeBytes(Buffer.from('bytes'));
encoder.writeArray(['a', 'b'] as const, (item: string, to: UltraFastBinaryEncoder) => to.writeString(item));
encoder.writeMap(
  new Map([['a', 1]]),
  (key) => encoder.writeString(key),
  (value) => encoder.writeF64(value),
);
encoder.writeMap(
  Object.entries({ a: true }),
  (key, to) => to.writeString(key),
  (value, to) => to.writeBoolean(value),
);
const input: BinaryMessageHeaderInput = { type: MessageType.TASK_RESULT, payloadLength: 0, timestamp: 0n };
encoder.writeHeader(input);
encoder.reset();
const length: number = encoder.length;
const bytes: Uint8Array = length > 0 ? encoder.finish() : encoder.view();
const buffer: ArrayBuffer = encoder.getBuffer();

const decoder: root.UltraFastBinaryDecoder = new UltraFastBinaryDecoder(bytes);
decoder.attach(new SharedArrayBuffer(8));
decoder.attach(buffer);
const header: BinaryMessageHeader = decoder.readHeader();
const figures: number[] = [decoder.position, decoder.remaining(), decoder.readU32(), header.payloadLength];
const wide: bigint[] = [decoder.readI64(), decoder.readVarintBigInt(), header.timestamp, header.correlationId];
const texts: string[] = decoder.readArray((from) => from.readString());
const map: Map<number, boolean> = decoder.readMap(
  () => decoder.readUint8(),
  (from) => from.readBoolean(),
);
const raw: Uint8Array[] = [decoder.readBytes(), decoder.readRaw(4)];

const single: Uint8Array = VarintEncoder.encode(1n);
const size: number =
  VarintEncoder.encode(1, new Uint8Array(8), 2) + VarintEncoder.size(1) + VarintEncoder.sizeSigned(-1);
const small: VarintResult<number> = VarintEncoder.decode(single);
const large: VarintResult<bigint> = VarintEncoder.decodeBigInt(single, 0);
const compression: CompressionType = CompressionType.ZSTD;

// @ts-expect-error 64 bits are a bigint.
encoder.writeU64(1);
// @ts-expect-error A varint of a number is a number.
encoder.writeVarint(1n);
// @ts-expect-error A string is not written as bytes.
encoder.writeBytes('text');
// @ts-expect-error A header has a type.
encoder.writeHeader({ payloadLength: 0, timestamp: 0n });
// @ts-expect-error The items are strings.
encoder.writeArray(['a'], (item: number) => encoder.writeU8(item));
// @ts-expect-error Only bytes are read.
new UltraFastBinaryDecoder(new Uint16Array(1));
// @ts-expect-error Bytes carry their length.
decoder.readBytes(4);
// @ts-expect-error The length is to be read.
encoder.length = 0;
// @ts-expect-error A compression is one of four.
const unknown: CompressionType = 4;

export { compression, figures, large, map, raw, size, small, texts, unknown, wide };
