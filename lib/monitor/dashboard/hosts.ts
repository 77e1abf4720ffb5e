import { isIP } from 'node:net';

/** True for an address or a name that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name === '::ffff:127.0.0.1';
}

/** True for the address that stands for all of a machine. */
export function isAnyAddress(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}

/**
 * Whether a request may have been meant for a server of this machine alone. A web page from elsewhere can have its own name lead to 127.0.0.1 (DNS
 * rebinding) and would then read what is served here; the browser still sends that name as `Host`.
 */
export function isMeantForLoopback(hostHeader: string | undefined): boolean {
  // HTTP/1.0 may do without; no browser speaks it.
  if (hostHeader === undefined) return true;
  const [, address, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(hostHeader) ?? [];
  return isLoopback(address ?? name ?? '');
}
