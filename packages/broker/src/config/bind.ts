import { isIP, isIPv6 } from 'node:net';
import type { BindAddress } from '#base/bind-address.ts';
import { Fault, quote } from './units.ts';

export const ipBindPattern = '^(.+:)?[0-9]{1,5}$';
export const bindPattern = `^unix:/.+|${ipBindPattern}`;

const hostName = /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*\.?$/;
/** What fits into `sockaddr_un` with its final zero on every system that Node runs on. */
const unixPathBytesMax = 103;

/** Reads `1883` (the port on 127.0.0.1), `127.0.0.1:0`, `[::1]:1883`, `localhost:1883`, `*:1883` (every address) or `unix:/path`. */
export function parseBind(input: unknown): BindAddress | Fault {
  const text = typeof input === 'number' ? String(input) : input;
  if (typeof text !== 'string' || text === '') return new Fault(`${quote(input)} is not an address: ${howToWrite}`);
  if (text.startsWith('unix:')) return parseUnix(text.slice('unix:'.length));
  const colon = text.lastIndexOf(':');
  const written = colon < 0 ? '127.0.0.1' : text.slice(0, colon);
  const portText = text.slice(colon + 1);
  if (colon >= 0 && isIPv6(text))
    return new Fault(`${quote(input)} has no port: an IPv6 address stands in brackets, such as [${text}]:1883`);
  if (!/^[0-9]+$/.test(portText)) return new Fault(`${quote(input)} has no port: ${howToWrite}`);
  const port = Number(portText);
  if (port > 65_535) return new Fault(`port ${portText} does not exist: ports go from 0 (any free one) to 65535`);
  const host = parseHost(written);
  return host instanceof Fault ? host : { host, port };
}

const howToWrite = 'write a port (1883, on loopback), 127.0.0.1:1883, [::1]:1883, 0.0.0.0:1883 or unix:/path';

function parseHost(written: string): string | Fault {
  if (written === '*') return '::';
  const bracketed = /^\[(.*)\]$/.exec(written);
  if (bracketed !== null) return isIPv6(bracketed[1]) ? bracketed[1] : new Fault(`${quote(written)} is not an IPv6 address in brackets`);
  if (isIPv6(written)) return new Fault(`an IPv6 address stands in brackets: [${written}]:1883`);
  if (isIP(written) === 4) return written;
  // Four numbers that are no address must not turn into a host name that the resolver would read as another one.
  if (/^[0-9.]+$/.test(written) || !hostName.test(written)) return new Fault(`${quote(written)} is neither an IP address nor a host name`);
  return written.toLowerCase();
}

function parseUnix(path: string): BindAddress | Fault {
  if (!path.startsWith('/')) return new Fault(`unix:${path} needs an absolute path, such as unix:/run/wrenmq/mqtt.sock`);
  if (path.includes('\0')) return new Fault('the path of a Unix socket cannot contain a zero byte');
  if (Buffer.byteLength(path) > unixPathBytesMax)
    return new Fault(`the path of a Unix socket has at most ${unixPathBytesMax} bytes, this one has ${Buffer.byteLength(path)}`);
  return { path };
}
