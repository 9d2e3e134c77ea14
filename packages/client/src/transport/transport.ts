/** A byte stream to a broker. Made by a TransportOpener; owned by one connection attempt. */
export interface Transport {
  /**
   * Sends bytes, in order; takes ownership of them.
   * @returns false when the stream's own buffer is full: `onDrain` follows. The bytes are taken nevertheless.
   */
  write(bytes: Uint8Array): boolean;
  /** Stops and goes on with `onData`. */
  pause(): void;
  resume(): void;
  /** Ends the stream: what was written goes out first, but no longer than a second. No `onData` follows, `onClose` does. */
  close(): void;
  /** Ends it at once. `onClose` follows. */
  destroy(): void;
}

/** What a transport tells. All calls come after the opener's promise has resolved, none from inside a method of the transport. */
export interface TransportObserver {
  /** The bytes are the receiver's to keep. */
  onData(bytes: Uint8Array): void;
  onDrain(): void;
  /** Once, and last. Undefined after `close` and `destroy`; else MqttError, also when the peer closed in good order. */
  onClose(error: Error | undefined): void;
}

export interface TlsOptions {
  /** PEM. */
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly passphrase?: string;
  /** SNI, and the name that the certificate must carry. Default: the URL's host. */
  readonly serverName?: string;
  readonly alpn?: readonly string[];
  /** Default true. */
  readonly rejectUnauthorized?: boolean;
  /** A pre-shared key in place of certificates. Node.js only. */
  readonly psk?: { readonly identity: string; readonly key: Uint8Array };
}

export interface TransportContext {
  readonly url: URL;
  /** Aborted when the attempt is given up before the transport is open. */
  readonly signal: AbortSignal;
  readonly tls?: TlsOptions | undefined;
  /** Of the WebSocket handshake. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Opens one transport; rejects when that fails: MqttError DISCONNECTED when the broker cannot be reached, INVALID when the URL or an
 * option is at fault, ABORTED when the signal was faster.
 */
export type TransportOpener = (context: TransportContext, observer: TransportObserver) => Promise<Transport>;

/** What a user may inject in place of a built-in transport (QUIC, WebTransport, tests): web streams. */
export interface TransportFactory {
  (context: TransportContext): Promise<{
    readable: ReadableStream<Uint8Array>;
    write(chunk: Uint8Array): Promise<void> | void;
    close(): void;
  }>;
}
