/** The sub-path `agentwire/ultra-fast-serialization`: the names of the module that it takes the place of. */
export type { AnyBytes } from '../codec/any-bytes';
export {
  type Codec,
  codec,
  type DecodedBatch,
  type DecodedMessage,
  type FromJSONOptions,
  type ToJSONOptions,
} from '../codec/codec';
export { CompressionType } from '../codec/compression-type';
export { MessageType } from '../codec/message-type';
export type { BinaryMessageHeader, BinaryMessageHeaderInput } from '../codec/primitives/message-header';
export { VarintEncoder, type VarintResult } from '../codec/primitives/varint';
export { MessageSerializer } from './message-serializer';
export { UltraFastBinaryDecoder, UltraFastBinaryEncoder } from './ultra-fast-binary';
