import { isIP, isIPv6 } from 'node:net';

/** Where a listener is asked to listen; port 0 means any free one. */
export type BindAddress = IpBind | UnixBind;

export interface IpBind {
  readonly host: string;
  readonly port: number;
}

export interface UnixBind {
  readonly path: string;
  /** File mode of the socket, 0o660 unless given. */
  readonly mode?: number;
}

/** Where it really listens. */
export type BoundAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** True when only this machine can reach the address. A host name other than localhost may resolve to anything: false. */
export function isLoopback(bind: BindAddress | BoundAddress): boolean {
  if ('path' in bind) return true;
  if (isIP(bind.host) === 4) return bind.host.startsWith('127.');
  return bind.host === 'localhost' || isLoopbackIPv6(bind.host);
}

/** `127.0.0.1:1883`, `[::1]:1883`, `unix:/path`: as a user writes it. */
export function formatAddress(address: BindAddress | BoundAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function isLoopbackIPv6(host: string): boolean {
  if (!isIPv6(host)) return false;
  const canonical = new URL(`http://[${host.replace(/%.*$/, '')}]/`).hostname;
  return canonical === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(canonical);
}
