// What only the compiler checks of the serializers and the codec pool, from the root and from the sub-paths.
import type * as root from 'agentwire';
import {
  type BatchedMessage,
  BatchMessageSerializer,
  BinaryCodecPool,
  type BinaryMessageHeader,
  type BinarySource,
  type CodecPoolStats,
  CompressionType,
  type DeserializedMessage,
  globalBatchSerializer,
  globalSerializer,
  MessageType,
  OptimizedMessageSerializer,
  type PooledDecoder,
  type PooledEncoder,
  type SerializerOptions,
  type SerializerStats,
} from 'agentwire/optimized-serialization';
import { MessageSerializer } from 'agentwire/ultra-fast-serialization';

const options: SerializerOptions = { compression: CompressionType.ZSTD, compressionThreshold: 512, checksum: true };
const serializer: root.OptimizedMessageSerializer = new OptimizedMessageSerializer(options);
const compatible: OptimizedMessageSerializer = new MessageSerializer({ tables: true, maxPayloadBytes: 1024 });
const buffer: ArrayBuffer = serializer.serialize(MessageType.TASK_RESULT, { any: ['value', 1n, new Map()] }, 5n);
const own: ArrayBuffer = serializer.serialize(200, undefined);
const length: number = serializer.serializeInto(new Uint8Array(new SharedArrayBuffer(64)), 0, MessageType.ERROR, 1);

const sources: BinarySource[] = [
  buffer,
  new SharedArrayBuffer(1),
  new Uint8Array(1),
  Buffer.alloc(1),
  new DataView(buffer),
];
const message: DeserializedMessage = serializer.deserialize(sources[0] as BinarySource);
const header: BinaryMessageHeader = message.header;
const payload: unknown = message.payload;
const typed: { id: string } = serializer.deserialize<{ id: string }>(buffer).payload;

const batch: root.BatchMessageSerializer = new BatchMessageSerializer({ compression: CompressionType.LZ4 });
batch.addMessage(MessageType.METRICS, { load: 0.5 });
batch.addMessage(200, null, 7n);
const size: number = batch.shouldFlush() ? batch.getBatchSize() : 0;
const messages: BatchedMessage<number>[] = serializer.deserializeBatch<number>(batch.flush());
const time: bigint | undefined = messages[0]?.header.timestamp;

const pool: BinaryCodecPool = serializer.getCodecPool();
const ownPool = new BinaryCodecPool({ tables: true });
const encoder: PooledEncoder = ownPool.acquireEncoder();
const encoded: Uint8Array = encoder.encode({ a: 1 });
const written: number = encoder.encodeInto({ a: 1 }, encoded, 0);
ownPool.releaseEncoder(encoder);
const decoder: PooledDecoder = pool.acquireDecoder(encoded);
const value: unknown = decoder.decode();
pool.releaseDecoder(decoder);
const poolStats: CodecPoolStats = pool.getStats();
const stats: SerializerStats = globalSerializer.getStats();
const figures: number = poolStats.encoderPool.waiting + poolStats.stringPool.totalStrings + stats.compressionRatio;
globalBatchSerializer.addMessage(MessageType.HEARTBEAT, {});

// @ts-expect-error A correlation id is a bigint.
serializer.serialize(MessageType.ERROR, null, 5);
// @ts-expect-error A type is a number.
serializer.serialize('ERROR', null);
// @ts-expect-error Only bytes are written into.
serializer.serializeInto(new Uint16Array(4), 0, 1, null);
// @ts-expect-error Only binary is read.
serializer.deserialize('text');
// @ts-expect-error Who does not say what a payload is looks first.
serializer.deserialize(buffer).payload.id;
// @ts-expect-error Options are known.
new OptimizedMessageSerializer({ compress: true });
// @ts-expect-error An encoder has no inner state to see.
encoder.memory;
// @ts-expect-error A message of a batch has no payload length.
messages[0]?.header.payloadLength;

export { compatible, figures, header, length, own, payload, size, time, typed, value, written };
