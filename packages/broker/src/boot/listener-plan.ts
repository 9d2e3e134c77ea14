import type { Config, ListenerConfig } from '#config/schema.ts';
import {
  listenerDefaults,
  type ListenerOptions,
  tlsDefaults,
  type TlsListenerOptions,
  websocketDefaults,
} from '#listeners/listener-options.ts';

/** A WebSocket frame's own bytes beside the largest packet. */
const FRAME_SPARE_BYTES = 16;
/** So many connections over its limit a listener takes to tell them so; what is over that is closed at once. */
const CONNECTIONS_SPARE = 1000;

/** Where the broker's own certificate is. */
export interface OwnCertificate {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A listener as the listeners room wants it described. */
export function listenerOptionsOf(name: string, config: Config, own: OwnCertificate | null): ListenerOptions {
  const listener = config.listeners[name];
  const { kind, bind, connectionsMax, acceptRatePerSecond, acceptBurst, backlog, proxyProtocol, websocket } = listener;
  const { tcpKeepAliveSeconds: tcpKeepAlive, tcpNoDelay } = listener;
  const isTls = kind === 'tls' || kind === 'wss';
  const isWebSocket = kind === 'ws' || kind === 'wss';
  return {
    ...listenerDefaults,
    kind,
    name,
    bind,
    backlog,
    tcpKeepAlive,
    tcpNoDelay,
    connectionsMax: Math.min(connectionsMax, config.limits.connectionsMax) + CONNECTIONS_SPARE,
    acceptRate: acceptRatePerSecond === Infinity ? null : { perSecond: acceptRatePerSecond, burst: acceptBurst },
    handshakeTimeoutMs: config.limits.connectTimeoutMs,
    proxyProtocol: proxyProtocol.enabled ? { trusted: proxyProtocol.trusted, timeoutMs: proxyProtocol.timeoutMs } : false,
    tls: isTls ? tlsOptionsOf(listener, own) : null,
    websocket: isWebSocket
      ? {
          ...websocketDefaults,
          path: websocket.path,
          origins: websocket.origins,
          frameBytesMax: config.limits.packetBytesMax + FRAME_SPARE_BYTES,
        }
      : null,
  };
}

/** True when some listener needs the certificate that the broker makes itself. */
export function needsOwnCertificate(config: Config): boolean {
  return Object.values(config.listeners).some(
    ({ enabled, kind, tls }) => enabled && (kind === 'tls' || kind === 'wss') && tls.cert === null,
  );
}

function tlsOptionsOf({ kind, tls }: ListenerConfig, own: OwnCertificate | null): TlsListenerOptions {
  const first = tls.cert === null || tls.key === null ? own! : { certPath: tls.cert, keyPath: tls.key };
  const named = Object.entries(tls.sni).map(([name, { cert, key }]) => ({
    certPath: cert,
    keyPath: key,
    keyPassphrase: null,
    serverNames: [name],
  }));
  return {
    ...tlsDefaults,
    certificates: [{ ...first, keyPassphrase: tls.keyPassphrase, serverNames: [] }, ...named],
    clientCertificates: tls.clientCertificate,
    caPath: tls.ca,
    crlPath: tls.crl,
    minVersion: tls.minVersion,
    ciphers: tls.ciphers,
    // What is spoken over the TLS of a WebSocket is HTTP.
    alpn: kind === 'tls' ? tls.alpn : [],
  };
}
