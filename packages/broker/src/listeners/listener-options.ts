import type { BindAddress } from '#base/bind-address.ts';
import type { Transport } from './link.ts';

/** A token bucket: `perSecond` on average, `burst` at once. */
export interface AcceptRate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface ProxyProtocolOptions {
  /** Addresses and CIDR blocks whose PROXY header is believed; everyone else is refused. Unix peers are always trusted. */
  readonly trusted: readonly string[];
  /** From accept to the header's last byte. */
  readonly timeoutMs: number;
}

export interface TlsCertificateOptions {
  /** PEM files; the certificate file holds the chain, leaf first. */
  readonly certPath: string;
  readonly keyPath: string;
  readonly keyPassphrase: string | null;
  /** Server names (SNI) that get this certificate, `*.example.org` allowed; empty: the names in the certificate. */
  readonly serverNames: readonly string[];
}

export interface TlsListenerOptions {
  /** At least one; the first also serves clients that send no server name or an unknown one. */
  readonly certificates: readonly TlsCertificateOptions[];
  /** `optional`: no certificate is fine, an invalid one is not. */
  readonly clientCertificates: 'none' | 'optional' | 'required';
  /** PEM file of the authorities that client certificates are verified against; needed unless `none`. */
  readonly caPath: string | null;
  /** PEM file of certificate revocation lists. */
  readonly crlPath: string | null;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL cipher list; null: the runtime's. */
  readonly ciphers: string | null;
  /** Protocol names in order of preference; a client that offers only others is refused. Empty: what it offers is ignored. */
  readonly alpn: readonly string[];
  /** How often the files are looked at; a change is applied when it has been stable for one interval. */
  readonly watchIntervalMs: number;
}

export interface WebSocketListenerOptions {
  readonly path: string;
  readonly subprotocols: readonly string[];
  /** Allowed `Origin` values, `*` for any; empty: see `isOriginAllowed`. A client that sends no Origin is not a browser and passes. */
  readonly origins: readonly string[];
  /** Longest WebSocket message; a client may not put more MQTT bytes than this into one. */
  readonly frameBytesMax: number;
}

export interface ListenerOptions {
  readonly kind: Transport;
  /** `tcp.default` */
  readonly name: string;
  readonly bind: BindAddress;
  /** An IPv6 bind takes no IPv4 connections. */
  readonly ipv6Only: boolean;
  readonly backlog: number;
  /** Silence after which the operating system probes a TCP connection, seconds; null: never. */
  readonly tcpKeepAlive: number | null;
  readonly tcpNoDelay: boolean;
  /** Open connections, handshaking ones included; Infinity for no limit. */
  readonly connectionsMax: number;
  readonly acceptRate: AcceptRate | null;
  /** From accept to a finished PROXY, TLS and WebSocket handshake. */
  readonly handshakeTimeoutMs: number;
  readonly proxyProtocol: ProxyProtocolOptions | false;
  /** Needed for `tls` and `wss`. */
  readonly tls: TlsListenerOptions | null;
  /** Needed for `ws` and `wss`. */
  readonly websocket: WebSocketListenerOptions | null;
}

/** For spreading: `{ ...listenerDefaults, kind, name, bind }`. */
export const listenerDefaults = {
  ipv6Only: false,
  backlog: 4096,
  tcpKeepAlive: null,
  tcpNoDelay: true,
  connectionsMax: Infinity,
  acceptRate: null,
  handshakeTimeoutMs: 10_000,
  proxyProtocol: false,
  tls: null,
  websocket: null,
} as const satisfies Partial<ListenerOptions>;

export const tlsDefaults = {
  clientCertificates: 'none',
  caPath: null,
  crlPath: null,
  minVersion: 'TLSv1.2',
  ciphers: null,
  alpn: [],
  watchIntervalMs: 2000,
} as const satisfies Partial<TlsListenerOptions>;

export const websocketDefaults = {
  path: '/mqtt',
  subprotocols: ['mqtt', 'mqttv3.1'],
  origins: [],
  frameBytesMax: 1024 * 1024 + 16,
} as const satisfies WebSocketListenerOptions;
