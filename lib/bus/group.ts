import { refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError, quote } from '../errors';
import type { NativeGroupMetrics } from '../generated/binding';
import { Balancing, DeliveryMode } from '../generated/layout';
import { type SubscriptionStats, statsOf } from './stats';

/**
 * How a group picks the member that gets a message. Members that have room and less than `maxInFlight` in hand come before those
 * that are stalled, whichever way.
 * - `round-robin`: each in turn.
 * - `random`: any.
 * - `least-busy`: the one with the fewest messages, waiting and in hand.
 */
export type GroupBalancing = 'round-robin' | 'random' | 'least-busy';

/** Who of a group gets a message: one member, or every member. */
export type GroupDelivery = 'one-of' | 'all';

export interface GroupOptions {
  /** Default: `round-robin`. */
  balancing?: GroupBalancing | undefined;
  /** Default: `one-of`. */
  delivery?: GroupDelivery | undefined;
}

/** The figures of a group: the ledger is the sum over its members, those that have left included. */
export interface GroupStats extends SubscriptionStats {
  balancing: GroupBalancing;
  delivery: GroupDelivery;
  /** Members at this moment, of all threads. */
  members: number;
  /** Messages that a member was picked for. Always 0 with `delivery: 'all'`. */
  assigned: number;
  /** Submits that stopped because no member had room. */
  refused: number;
}

const MOST_NAME_LENGTH = 256;

const balancings: ReadonlyMap<unknown, Balancing> = new Map([
  ['round-robin', Balancing.RoundRobin],
  ['random', Balancing.Random],
  ['least-busy', Balancing.LeastBusy],
]);

const deliveries: ReadonlyMap<unknown, DeliveryMode> = new Map([
  ['one-of', DeliveryMode.OneOf],
  ['all', DeliveryMode.All],
]);

/** A group of subscriptions on a bus, in whatever threads. Hand it, or its name, to `subscribe`. */
export class SubscriptionGroup {
  /** @internal */
  constructor(
    readonly name: string,
    readonly balancing: GroupBalancing,
    readonly delivery: GroupDelivery,
    private readonly read: () => GroupStats,
  ) {}

  /** The figures now. */
  get stats(): GroupStats {
    return this.read();
  }
}

/**
 * The settings of a group as native knows them.
 * @internal
 */
export interface CheckedGroup {
  readonly name: string;
  readonly balancing: GroupBalancing;
  readonly delivery: GroupDelivery;
  readonly numbers: readonly [balancing: Balancing, delivery: DeliveryMode];
}

/** @internal */
export function checkGroup(name: unknown, options: GroupOptions): CheckedGroup {
  if (typeof options !== 'object' || options === null) {
    throw new AgentwireArgumentError('options', 'an object', options);
  }
  refuseUnknown(options, ['balancing', 'delivery'], 'createGroup');
  const { balancing = 'round-robin', delivery = 'one-of' } = options;
  const balancingNumber = balancings.get(balancing);
  if (balancingNumber === undefined) {
    throw new AgentwireArgumentError('balancing', '"round-robin", "random" or "least-busy"', balancing);
  }
  const deliveryNumber = deliveries.get(delivery);
  if (deliveryNumber === undefined) throw new AgentwireArgumentError('delivery', '"one-of" or "all"', delivery);
  return { name: checkGroupName('name', name), balancing, delivery, numbers: [balancingNumber, deliveryNumber] };
}

/**
 * The name of the group that a subscription is to be a member of.
 * @internal
 */
export function groupNameOf(group: unknown): string {
  if (group instanceof SubscriptionGroup) return group.name;
  return checkGroupName('group', group);
}

/** @internal */
export function checkGroupName(argument: string, name: unknown): string {
  if (typeof name === 'string' && name.length > 0 && name.length <= MOST_NAME_LENGTH) return name;
  throw new AgentwireArgumentError(argument, `a string of 1 to ${MOST_NAME_LENGTH} characters`, name);
}

/**
 * The group is there with other settings.
 * @internal
 */
export function otherSettings(name: string, [balancing, delivery]: readonly number[]): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_GROUP',
    `the group ${quote(name)} was made with balancing: "${nameOf(balancings, balancing)}", delivery: ` +
      `"${nameOf(deliveries, delivery)}"; make it the same way in every thread, or give this one another name`,
  );
}

/** @internal */
export function groupStatsOf(metrics: NativeGroupMetrics): GroupStats {
  const { balancing, delivery, ledger, ...counts } = metrics;
  return {
    balancing: nameOf(balancings, balancing) as GroupBalancing,
    delivery: nameOf(deliveries, delivery) as GroupDelivery,
    ...counts,
    ...statsOf(ledger),
  };
}

function nameOf(names: ReadonlyMap<unknown, number>, number: number | undefined): string {
  for (const [name, value] of names) if (value === number) return name as string;
  return 'unknown';
}
