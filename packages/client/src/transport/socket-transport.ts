import type { Socket } from 'node:net';
import { aborted, cannotOpen, lost } from './transport-errors.ts';
import type { Transport, TransportObserver } from './transport.ts';

/** What is written may take so long to leave after `close`. */
const CLOSE_MS_MAX = 1_000;

export interface SocketOpening {
  readonly socket: Socket;
  /** The event of the socket that says that bytes may flow. */
  readonly openEvent: 'connect' | 'secureConnect';
  /** `host:port`, or a path, for the text of errors. */
  readonly place: string;
  readonly signal: AbortSignal;
}

/** Waits until a socket of node:net or node:tls is open. */
export function openSocket({ socket, openEvent, place, signal }: SocketOpening, observer: TransportObserver): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off(openEvent, onOpen).off('error', onError).off('close', onClose);
    };
    const fail = (error: Error): void => {
      settle();
      // What the socket still has to say concerns nobody.
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const onAbort = (): void => fail(aborted(place, signal));
    const onError = (error: Error): void => fail(cannotOpen(place, error));
    const onClose = (): void => fail(cannotOpen(place, 'the other side closed the connection'));
    const onOpen = (): void => {
      settle();
      resolve(new SocketTransport(socket, place, observer));
    };
    socket.on(openEvent, onOpen).on('error', onError).on('close', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

class SocketTransport implements Transport {
  readonly #socket: Socket;
  readonly #place: string;
  readonly #observer: TransportObserver;
  #error: Error | undefined;
  #hasStarted = false;
  #isPaused = false;
  #isClosing = false;
  #isClosed = false;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, place: string, observer: TransportObserver) {
    this.#socket = socket;
    this.#place = place;
    this.#observer = observer;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => {
      this.#isClosed = true;
      if (this.#hasStarted) this.#tellClosed();
    });
    socket.on('drain', () => observer.onDrain());
    // ORDER: whoever waits for the opener's promise goes first; events of the socket may stand before it in the same turn.
    setImmediate(() => this.#start());
  }

  write(bytes: Uint8Array): boolean {
    // After the end there is nobody to hold back.
    if (this.#isClosing || this.#socket.destroyed) return true;
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#hasStarted && !this.#isClosing) this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#hasStarted) this.#socket.resume();
  }

  close(): void {
    if (this.#isClosing || this.#isClosed) return;
    this.#isClosing = true;
    // The peer's end is seen by reading on; destroying with unread bytes would take back what is on its way to the peer.
    this.#socket.end().resume();
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), CLOSE_MS_MAX);
  }

  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #start(): void {
    this.#hasStarted = true;
    if (this.#isClosed) return this.#tellClosed();
    this.#socket.on('data', (bytes: Uint8Array) => {
      if (!this.#isClosing) this.#observer.onData(bytes);
    });
    // A listener for data sets the stream going unless it was paused by hand.
    if (this.#isPaused) this.#socket.pause();
  }

  #tellClosed(): void {
    clearTimeout(this.#closeTimer);
    if (this.#isClosing) this.#observer.onClose(undefined);
    else if (this.#error === undefined) this.#observer.onClose(lost(this.#place, 'the connection was closed by'));
    else this.#observer.onClose(lost(this.#place, 'lost the connection to', this.#error));
  }
}
