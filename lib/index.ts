/** Messages between agents in worker threads. See the README for a first example. */
export type { BatchMessage } from './bus/batch';
export { MessageContext } from './bus/context';
export { type BusMetrics, EventBus } from './bus/event-bus';
export type { Filter, FilterCondition, FilterOperator, FilterValue } from './bus/filter';
export {
  type EventBusOptions,
  EventPriority,
  type HandlerFailure,
  type OverflowPolicy,
  type PublishOptions,
  type SubscribeOptions,
} from './bus/options';
export { MessageStream, type StreamedMessage, type StreamOptions } from './bus/stream';
export { type Dropped, type Handler, type Listener, Subscription, type SubscriptionStats } from './bus/subscription';
export type {
  AggregateLimits,
  AggregateMapTransform,
  AggregateTransform,
  FilterTransform,
  MapTransform,
  ReduceTransform,
  Transform,
} from './bus/transform';
export { AgentwireJsonError } from './codec/json-error';
export { AgentwireDecodeError } from './codec/reader';
export { AgentwireValueError } from './codec/unsupported';
export * from './compat/optimized-serialization';
export * from './compat/ultra-fast-serialization';
export * from './compat/zero-copy-structures';
export {
  AgentwireArgumentError,
  AgentwireClosedError,
  AgentwireError,
  AgentwireFilterError,
  AgentwireRangeError,
} from './errors';
