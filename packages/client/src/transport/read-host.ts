import { domainToASCII } from 'node:url';
import { invalid } from './transport-errors.ts';

export interface Host {
  readonly host: string;
  readonly port: number;
  /** For people. */
  readonly place: string;
}

/** Where a URL with a host points. Throws MqttError INVALID. */
export function readHost(url: URL, defaultPort: number): Host {
  // Only the schemes of the web have their hosts normalised: here a name beyond ASCII comes percent-encoded, an IPv6 address in brackets.
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : domainToASCII(decode(url.hostname));
  if (host === '') throw invalid(`${url.protocol}// needs a host name, as in ${url.protocol}//broker.example`);
  const port = url.port === '' ? defaultPort : Number(url.port);
  return { host, port, place: `${host.includes(':') ? `[${host}]` : host}:${port}` };
}

function decode(hostname: string): string {
  try {
    return decodeURIComponent(hostname);
  } catch (cause) {
    throw invalid(`'${hostname}' is not a host name`, cause);
  }
}
