import { isIP } from 'node:net';

/**
 * Whether a request may name this host. A web page can make its own name resolve to 127.0.0.1 (DNS rebinding) and then read what is on
 * loopback; the Host header betrays it. A request without Host (HTTP/1.0) comes from no browser.
 */
export function isHostAllowed(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (header === undefined) return true;
  const host = hostOf(header);
  return host !== null && (isLoopbackLiteral(host) || allowed.has(host));
}

/** The host without port and brackets, in lower case; null when the header is none. */
export function hostOf(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?$/i.exec(header);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? null : host.toLowerCase().replace(/(?<=.)\.$/, '');
}

function isLoopbackLiteral(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
