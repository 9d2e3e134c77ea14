import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import { readNumber } from './read-value.ts';

/** The address of a broker, from `-L`, or from `-h`, `-p`, `--unix` and `--ws`. */
export interface BrokerAddress {
  /** Without user, password and topic. */
  readonly url: string;
  readonly isSecure: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly topic: string | undefined;
}

interface Parts {
  readonly isSecure: boolean;
  readonly isWebSocket: boolean;
  readonly host: string;
  readonly port: number | undefined;
  /** As it stands in the URL: a topic may hold what URLs keep for themselves, such as `#`. */
  readonly rest: string;
  readonly username?: string;
  readonly password?: string;
}

const PORTS = { mqtt: 1883, mqtts: 8883, ws: 8083, wss: 8084 } as const;
const WEBSOCKET_PATH = '/mqtt';
const URL_PARTS = /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<user>[^/@]*)@)?(?<host>\[[^\]]*\]|[^/:@]*)(?::(?<port>\d*))?(?<rest>\/.*)?$/is;

export function brokerAddress(flags: ConnectionFlags): BrokerAddress {
  if (flags.unix !== undefined) return unixAddress(flags.unix);
  const parts = flags.url === undefined ? partsOfFlags(flags) : partsOfUrl(flags.url);
  const port = readNumber('--port', flags.port, { min: 0, max: 65_535 }) ?? parts.port;
  const isSecure = flags.tls !== false && (parts.isSecure || asksForTls(flags) || (!parts.isWebSocket && port === PORTS.mqtts));
  const scheme = parts.isWebSocket ? (isSecure ? 'wss' : 'ws') : isSecure ? 'mqtts' : 'mqtt';
  const host = isIPv6(parts.host) ? `[${parts.host}]` : parts.host;
  const path = parts.isWebSocket ? webSocketPath(flags.ws, parts.rest) : '';
  return {
    url: `${scheme}://${host}:${port ?? PORTS[scheme]}${path}`,
    isSecure,
    username: parts.username,
    password: parts.password,
    topic: parts.isWebSocket || parts.rest.length < 2 ? undefined : parts.rest.slice(1),
  };
}

/** Flags that make no sense without TLS ask for it. */
function asksForTls(flags: ConnectionFlags): boolean {
  return [flags.cafile, flags.capath, flags.cert, flags.psk, flags.tlsUseOsCerts].some((flag) => flag !== undefined);
}

function unixAddress(path: string): BrokerAddress {
  return {
    url: `unix://${resolve(path).split('/').map(encodeURIComponent).join('/')}`,
    isSecure: false,
    username: undefined,
    password: undefined,
    topic: undefined,
  };
}

function partsOfFlags(flags: ConnectionFlags): Parts {
  return { isSecure: false, isWebSocket: flags.ws !== undefined, host: flags.host ?? 'localhost', port: undefined, rest: '' };
}

function partsOfUrl(url: string): Parts {
  const groups = URL_PARTS.exec(url)?.groups;
  if (groups === undefined) throw usage(`-L ${url}: not a URL such as mqtt://localhost:1883/topic`);
  const kind = kindOf(groups['scheme'].toLowerCase());
  if (kind === undefined) throw usage(`-L ${groups['scheme']}://: use mqtt, mqtts, ws or wss`);
  const [name, ...password] = (groups['user'] ?? '').split(':');
  return {
    ...kind,
    host: groups['host'].replace(/^\[|\]$/g, '') || 'localhost',
    port: groups['port'] === undefined || groups['port'] === '' ? undefined : Number(groups['port']),
    rest: groups['rest'] ?? '',
    ...(groups['user'] === undefined ? {} : { username: decode(name) }),
    ...(password.length === 0 ? {} : { password: decode(password.join(':')) }),
  };
}

function kindOf(scheme: string): Pick<Parts, 'isSecure' | 'isWebSocket'> | undefined {
  if (scheme === 'mqtt' || scheme === 'tcp') return { isSecure: false, isWebSocket: false };
  if (['mqtts', 'ssl', 'tls'].includes(scheme)) return { isSecure: true, isWebSocket: false };
  if (scheme === 'ws' || scheme === 'wss') return { isSecure: scheme === 'wss', isWebSocket: true };
  return undefined;
}

function webSocketPath(flag: string | true | undefined, rest: string): string {
  if (typeof flag === 'string') return flag.startsWith('/') ? flag : `/${flag}`;
  return rest === '' ? WEBSOCKET_PATH : rest;
}

/** A password may hold a `%` that is meant as such. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
