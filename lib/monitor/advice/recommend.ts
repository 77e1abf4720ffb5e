import type { MonitorSample, Recommendation } from '../sample';
import {
  failingMessages,
  growingMemory,
  largeMessages,
  poolTooSmall,
  queueBottleneck,
  refusedPublishes,
} from './queues';
import { Recent } from './recent';
import { blockedEventLoop, highLatency, longCollections, moreThreadsThanCores, oneMessageAtATime } from './threads';

/** What may be found, what costs messages first. */
const rules = [
  failingMessages,
  poolTooSmall,
  refusedPublishes,
  queueBottleneck,
  blockedEventLoop,
  moreThreadsThanCores,
  longCollections,
  largeMessages,
  oneMessageAtATime,
  growingMemory,
];

/** Advice on what the newest samples show: none before three of them show the same. */
export function recommend(history: readonly MonitorSample[]): Recommendation[] {
  const recent = Recent.of(history);
  if (recent === undefined) return [];
  const found = rules.flatMap((rule) => rule(recent));
  return [...found, ...highLatency(recent, found)];
}
