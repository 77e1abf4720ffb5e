/** The sub-path `agentwire/optimized-serialization`: the names of the module that it takes the place of. */
export { BloomFilter, type BloomFilterStats } from '../intern/bloom-filter';
export { OptimizedStringPool, type StringPoolStats } from '../intern/string-pool';
