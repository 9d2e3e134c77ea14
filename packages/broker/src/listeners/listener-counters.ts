/** What one listener has seen since it was created. Plain numbers: whoever exports them reads the fields. */
export class ListenerCounters {
  /** Connections that passed the gate (before PROXY, TLS and WebSocket handshakes). */
  accepted = 0;
  /** Closed at once: `connectionsMax` were open. */
  refusedConnectionsMax = 0;
  /** Closed at once: more than `acceptRate` came. */
  refusedRate = 0;
  /** PROXY header missing, late, malformed, or from a peer that is not trusted. */
  proxyProtocolErrors = 0;
  /** TLS or WebSocket handshake not finished within `handshakeTimeoutMs`. */
  handshakeTimeouts = 0;
  /** Failed TLS handshakes and refused client certificates. */
  tlsErrors = 0;
  /** HTTP requests that were not an MQTT upgrade, text frames, broken or too large frames. */
  websocketErrors = 0;
  /** Throws from above that cost a connection its life: each is our bug. */
  handlerErrors = 0;
}
