import { BlockList, isIP } from 'node:net';

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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Reads `1883` (loopback only: reaching further must be asked for), `127.0.0.1:1883`, `[::1]:1883`, `:::1883`,
 * `localhost:1883` or `unix:/path`. Returns the problem as a sentence when it is none of these.
 */
export function parseBindAddress(text: string): BindAddress | string {
  const bind = text.trim();
  if (bind.startsWith('unix:')) return parseUnixPath(bind.slice('unix:'.length));
  const colon = bind.lastIndexOf(':');
  const portText = bind.slice(colon + 1);
  const port = Number(portText);
  if (!/^\d{1,5}$/.test(portText) || port > 65535) return `'${text}' needs a port from 0 to 65535, as in '127.0.0.1:1883' or '1883'`;
  if (colon === -1) return { host: '127.0.0.1', port };
  const host = parseHost(bind.slice(0, colon));
  if (host === null) return `'${text}' is no address: write '127.0.0.1:${portText}', '[::1]:${portText}' or '0.0.0.0:${portText}'`;
  return { host, port };
}

/** True when only this machine can reach the address. */
export function isLoopback(bind: BindAddress | BoundAddress): boolean {
  if ('path' in bind || bind.host === 'localhost') return true;
  const version = isIP(bind.host);
  return version !== 0 && loopback.check(bind.host, version === 6 ? 'ipv6' : 'ipv4');
}

/** `127.0.0.1:1883`, `[::1]:1883`, `unix:/path`. */
export function formatAddress(address: BindAddress | BoundAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function parseUnixPath(path: string): UnixBind | string {
  if (!path.startsWith('/')) return `'unix:${path}' needs an absolute path, as in 'unix:/run/wrenmq/mqtt.sock'`;
  // The kernel's sockaddr_un holds 108 bytes with the final NUL; a longer path would be cut silently by some systems.
  if (Buffer.byteLength(path) > 107) return `'unix:${path}' is too long: a socket's path has at most 107 bytes`;
  return { path };
}

function parseHost(text: string): string | null {
  if (text.startsWith('[') && text.endsWith(']')) {
    const address = text.slice(1, -1);
    return isIP(address) === 6 ? address : null;
  }
  if (isIP(text) !== 0) return text;
  return isHostName(text) ? text : null;
}

function isHostName(text: string): boolean {
  // The last label has a letter: '1.2.3' and '300.1.1.1' are mistyped addresses, not names.
  return text.length <= 253 && /^([a-z0-9_-]{1,63}\.)*[a-z0-9-]*[a-z][a-z0-9-]*$/i.test(text);
}
