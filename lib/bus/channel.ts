import { checkInteger, checkName, refuseUnknown } from '../checks';
import { AgentwireError, quote } from '../errors';
import type { NativeQuota } from '../generated/binding';

/** What a tenant may have at most, all its threads together. */
export interface ChannelQuota {
  /**
   * Messages in flight: admitted, and not ended. One that goes to three subscriptions counts three times. At the limit the channel's
   * subscriptions are full, and do what their `overflow` says. Default 65,536.
   */
  messages?: number | undefined;
  /** Bytes of messages that wait, likewise. Default 64 MiB. */
  bytes?: number | undefined;
  /** Subscriptions; a further one is refused by an error, ERR_AGENTWIRE_QUOTA. Default 10,000. */
  subscriptions?: number | undefined;
  /**
   * Topics that have an id, and strings and shapes that the channel brings into the process's tables: so many of each. What comes later
   * travels inline, which is correct and larger. Default 4,096.
   */
  tableEntries?: number | undefined;
}

/** One figure of a quota. */
export interface QuotaFigure {
  used: number;
  limit: number;
}

/** What of a channel's quota is used. */
export interface QuotaUsage {
  messages: QuotaFigure;
  bytes: QuotaFigure;
  subscriptions: QuotaFigure;
  /** Of topics, strings and shapes those of which there are most. */
  tableEntries: QuotaFigure;
  /** Subscriptions that were refused. */
  refusedSubscriptions: number;
}

/** @internal What a channel is opened with. */
export interface ChannelTerms {
  readonly tenant: string;
  /** The bus that native knows it as. */
  readonly nativeName: string;
  readonly quota: NativeQuota;
  /** Called when it is closed. */
  readonly onClosed?: () => void;
}

const defaults: Required<ChannelQuota> = {
  messages: 65_536,
  bytes: 64 * 1024 * 1024,
  subscriptions: 10_000,
  tableEntries: 4_096,
};
const MOST_TENANT_LENGTH = 256;
const MOST = 2 ** 32 - 1;

/** What native's names of channels begin with, and names of buses must not: so a channel cannot be opened as a bus. */
export const CHANNEL_PREFIX = '\u0000channel\u0000';

/** @internal */
export function checkChannel(bus: string, tenant: string, quota: ChannelQuota): ChannelTerms {
  checkName('tenant', tenant, MOST_TENANT_LENGTH);
  refuseUnknown(quota, Object.keys(defaults), 'channel');
  const { messages = defaults.messages, bytes = defaults.bytes } = quota;
  const { subscriptions = defaults.subscriptions, tableEntries = defaults.tableEntries } = quota;
  checkInteger('messages', messages, 1, Number.MAX_SAFE_INTEGER);
  checkInteger('bytes', bytes, 1, Number.MAX_SAFE_INTEGER);
  checkInteger('subscriptions', subscriptions, 1, MOST);
  checkInteger('tableEntries', tableEntries, 0, MOST);
  return {
    tenant,
    nativeName: `${CHANNEL_PREFIX}${JSON.stringify([bus, tenant])}`,
    quota: { messages, bytes, subscriptions, tableEntries, refusedSubscriptions: 0 },
  };
}

/** @internal The name that a bus, or the bus and the tenant of a channel, have natively. */
export function busOfNativeName(nativeName: string): { name: string; tenant?: string } {
  if (!nativeName.startsWith(CHANNEL_PREFIX)) return { name: nativeName };
  const [name, tenant]: [string, string] = JSON.parse(nativeName.slice(CHANNEL_PREFIX.length));
  return { name, tenant };
}

/** @internal The error of who opens a channel with another quota than it has. */
export function otherQuota(tenant: string, said: NativeQuota): AgentwireError {
  const { messages, bytes, subscriptions, tableEntries } = said;
  return new AgentwireError(
    'ERR_AGENTWIRE_QUOTA',
    `the channel ${quote(tenant)} is open with the quota ${JSON.stringify({ messages, bytes, subscriptions, tableEntries })}; open it with ` +
      'the same one everywhere',
  );
}

/** @internal */
export function quotaUsageOf(limits: NativeQuota, used: NativeQuota): QuotaUsage {
  const figure = (name: 'messages' | 'bytes' | 'subscriptions' | 'tableEntries'): QuotaFigure => ({
    used: used[name],
    limit: limits[name],
  });
  return {
    messages: figure('messages'),
    bytes: figure('bytes'),
    subscriptions: figure('subscriptions'),
    tableEntries: figure('tableEntries'),
    refusedSubscriptions: used.refusedSubscriptions,
  };
}
