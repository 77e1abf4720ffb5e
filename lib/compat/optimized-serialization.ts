/** The sub-path `agentwire/optimized-serialization`: the names of the module that it takes the place of. */
export type { AnyBytes } from '../codec/any-bytes';
export { BatchMessageSerializer } from '../codec/batch-serializer';
export {
  type Codec,
  codec,
  type DecodedBatch,
  type DecodedMessage,
  type FromJSONOptions,
  type ToJSONOptions,
} from '../codec/codec';
export {
  BinaryCodecPool,
  type CodecFigures,
  type CodecPoolOptions,
  type CodecPoolStats,
} from '../codec/codec-pool';
export { CompressionType } from '../codec/compression-type';
export { type DefineMessageOptions, defineMessage } from '../codec/define/define-message';
export type { Decoded, MessageDefinition } from '../codec/define/definition';
export { AgentwireDefinitionError } from '../codec/define/errors';
export type { FieldSpec, FieldSpecs, MessageInputOf, MessageOf } from '../codec/define/types';
export { unknownFields } from '../codec/define/unknown-fields';
export { EncodedMessage } from '../codec/encoded-message';
export { MessageType } from '../codec/message-type';
export {
  CoordinationMessage,
  HeartbeatMessage,
  TaskAssignmentMessage,
  TaskResultMessage,
} from '../codec/messages';
export type { BinaryMessageHeader } from '../codec/primitives/message-header';
export {
  type BatchedMessage,
  type DeserializedMessage,
  OptimizedMessageSerializer,
  type SerializerStats,
} from '../codec/serializer';
export type { SerializerOptions } from '../codec/serializer-options';
export type { BinarySource, PooledDecoder } from '../codec/value-decoder';
export type { PooledEncoder } from '../codec/value-encoder';
export { BloomFilter, type BloomFilterStats } from '../intern/bloom-filter';
export { OptimizedStringPool, type StringPoolStats } from '../intern/string-pool';
export { globalBatchSerializer, globalSerializer } from './global-serializers';
