import { checkInteger, refuseUnknown } from '../../checks';
import { AgentwireArgumentError } from '../../errors';

/** No well-known service's, and below the ports that systems hand out for outgoing connections (from 32,768 on Linux). */
export const DEFAULT_PORT = 9475;
/** This machine alone: whoever else should see it has to be let in. */
export const DEFAULT_HOST = '127.0.0.1';

/** Names in DNS have at most 253 characters. */
const MOST_HOST_LENGTH = 253;

/** Where a monitor is served. */
export interface ServeOptions {
  /** 1 to 65,535, default 9,475. 0 is any that is free: see `port` of what `serve` returns. */
  port?: number | undefined;
  /**
   * The address that it listens on. Default `127.0.0.1`: programs of this machine alone reach it. `0.0.0.0` and `::` are all addresses; then whoever
   * reaches this machine sees the names of buses and topics: there is no password.
   */
  host?: string | undefined;
}

/** @internal */
export function checkServeOptions(options: ServeOptions): { port: number; host: string } {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, ['port', 'host'], 'serve');
  const { port = DEFAULT_PORT, host = DEFAULT_HOST } = options;
  checkInteger('port', port, 0, 65_535);
  // What is no name at all, such as a URL; whether it is one of this machine the system knows.
  const isName = typeof host === 'string' && host.length <= MOST_HOST_LENGTH && /^[\w.:%-]+$/.test(host);
  if (!isName) throw new AgentwireArgumentError('host', 'an address or a name of this machine', host);
  return { port, host };
}
