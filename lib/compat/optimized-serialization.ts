/** The sub-path `agentwire/optimized-serialization`: the names of the module that it takes the place of. */
export type { AnyBytes } from '../codec/any-bytes';
export {
  type Codec,
  codec,
  type DecodedBatch,
  type DecodedMessage,
  type FromJSONOptions,
  type ToJSONOptions,
} from '../codec/codec';
export { BloomFilter, type BloomFilterStats } from '../intern/bloom-filter';
export { OptimizedStringPool, type StringPoolStats } from '../intern/string-pool';
