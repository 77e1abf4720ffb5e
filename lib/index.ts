/** Messages between agents in worker threads. See the README for a first example. */
export type { BatchMessage } from './bus/batch';
export type { ChannelQuota, QuotaFigure, QuotaUsage } from './bus/channel';
export type { CloseOptions, CloseResult } from './bus/closing';
export { MessageContext } from './bus/context';
export {
  DeadLetter,
  type DeadLetterFilter,
  type DeadLetterListener,
  type DeadLetterReason,
  type DeadLetterStats,
  DeadLetters,
  type ReplayOptions,
} from './bus/dead-letters';
export { EventBus } from './bus/event-bus';
export type { Filter, FilterCondition, FilterOperator, FilterValue } from './bus/filter';
export {
  type GroupBalancing,
  type GroupDelivery,
  type GroupOptions,
  type GroupStats,
  SubscriptionGroup,
} from './bus/group';
export type {
  BusMetrics,
  GroupMetrics,
  MetricsOptions,
  PriorityCounts,
  PublishCounts,
  SubscriptionMetrics,
  TopicMetrics,
} from './bus/metrics';
export {
  type DeadLetterLimits,
  type EventBusOptions,
  EventPriority,
  type HandlerFailure,
  type OverflowPolicy,
  type PublishOptions,
  type SubscribeOptions,
} from './bus/options';
export { AgentwireRemoteError, AgentwireRequestError, type RequestOptions } from './bus/requests';
export type { AttemptCounts, Dropped, SubscriptionStats } from './bus/stats';
export { MessageStream, type StreamedMessage, type StreamOptions } from './bus/stream';
export { type Handler, type Listener, Subscription } from './bus/subscription';
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
export * from './compat/enhanced-event-bus';
export * from './compat/optimized-serialization';
export * from './compat/performance-optimizations';
export * from './compat/ultra-fast-serialization';
export * from './compat/zero-copy-structures';
export {
  AgentwireArgumentError,
  AgentwireClosedError,
  AgentwireError,
  AgentwireFilterError,
  AgentwireRangeError,
} from './errors';
