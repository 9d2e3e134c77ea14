/**
 * A Link is one accepted byte stream: the only thing that the rooms above know of a transport.
 * It knows nothing of MQTT.
 */

export type Transport = 'tcp' | 'tls' | 'ws' | 'wss' | 'unix';

/** The far end as the listener saw it, or as a trusted PROXY header told. */
export interface Peer {
  /** IP address without brackets; the empty string for a Unix socket. */
  readonly address: string;
  readonly port: number;
}

/** What TLS established; null on plain transports. */
export interface TlsFacts {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly protocol: string;
  /** SNI, or null. */
  readonly serverName: string | null;
  /** The verified client certificate, or null. */
  readonly certificate: { readonly commonName: string; readonly subject: string; readonly fingerprint256: string } | null;
}

/** What a Link reports. All calls come from the event loop, never from inside a Link method. */
export interface LinkHandler {
  /** `bytes[start..end)` are valid only during the call: copy what must live longer. */
  onBytes(bytes: Buffer, start: number, end: number): void;
  /** Everything that was written has been handed to the operating system after `write` had returned false. */
  onDrain(): void;
  /** The last call, exactly once, whoever closed; `reason` is null after an orderly end by the peer or by `end`. */
  onClose(reason: Error | null): void;
}

export interface Link {
  /** The listener's name in the configuration, with its kind: `tcp.default`. */
  readonly listener: string;
  readonly transport: Transport;
  readonly peer: Peer;
  readonly tls: TlsFacts | null;
  /** Bytes accepted by `write` that the operating system has not taken yet. */
  readonly pendingBytes: number;
  /** Begins reading. Called once, after the handler is known. */
  start(handler: LinkHandler): void;
  /**
   * Sends bytes. True when the operating system has taken all of them (the buffer may be reused at once);
   * false when the Link keeps the buffer (the caller must not touch it again; `onDrain` follows).
   */
  write(bytes: Buffer): boolean;
  /** Stops reading until `resume`; bytes already read may still arrive in the running callback only. */
  pause(): void;
  resume(): void;
  /** Sends what is pending, then closes; destroys after a grace time of at most 5 s. No `onBytes` follows. */
  end(): void;
  /** Closes now. */
  destroy(): void;
}

/** Takes a new Link and returns who handles it, or null to refuse (the listener then destroys it). */
export type Accept = (link: Link) => LinkHandler | null;
