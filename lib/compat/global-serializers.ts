import { BatchMessageSerializer } from '../codec/batch-serializer';
import { OptimizedMessageSerializer } from '../codec/serializer';
import { lazily } from './lazily';

/** This thread's serializer with the default options, made when it is first used. */
export const globalSerializer: OptimizedMessageSerializer = lazily(
  OptimizedMessageSerializer.prototype,
  () => new OptimizedMessageSerializer(),
);

/** This thread's batch with the default options, made when it is first used. */
export const globalBatchSerializer: BatchMessageSerializer = lazily(
  BatchMessageSerializer.prototype,
  () => new BatchMessageSerializer(),
);
