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
  /** Ends the stream: what was written goes out first, but no longer than a second. `onClose` follows. */
  close(): void;
  /** Ends it at once. `onClose` follows. */
  destroy(): void;
}

/** What a transport tells. All calls come after the opener's promise has resolved. */
export interface TransportObserver {
  /** The bytes are the receiver's to keep. */
  onData(bytes: Uint8Array): void;
  onDrain(): void;
  /** Once, and last. */
  onClose(error: Error | undefined): void;
}

export interface TransportContext {
  readonly url: URL;
  /** Aborted when the attempt is given up before the transport is open. */
  readonly signal: AbortSignal;
}

/** Opens one transport; rejects when that fails. */
export type TransportOpener = (context: TransportContext, observer: TransportObserver) => Promise<Transport>;

/** What a user may inject in place of a built-in transport (QUIC, WebTransport, tests): web streams. */
export interface TransportFactory {
  (context: TransportContext): Promise<{
    readable: ReadableStream<Uint8Array>;
    write(chunk: Uint8Array): Promise<void> | void;
    close(): void;
  }>;
}
