import { aborted, cannotOpen, invalid, lost } from './transport-errors.ts';
import type { Transport, TransportContext, TransportObserver } from './transport.ts';

/** The sub-protocol of MQTT 3.1.1 and 5. [MQTT-6.0.0-3] */
const SUBPROTOCOL = 'mqtt';
/** Unsent bytes at which `write` says that it is full, and at which it says that it is not any more. */
const UNSENT_BYTES_HIGH = 1024 * 1024;
const UNSENT_BYTES_LOW = 256 * 1024;
/** A WebSocket does not tell when its buffer has emptied: it is asked. */
const DRAIN_POLL_MS = 5;
/** Bytes that are held back while the receiver pauses a socket that cannot be paused; beyond, the connection is given up. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
const CLOSE_MS_MAX = 1_000;
const OPEN = 1;

/** Browsers say nothing here, and Node's own WebSocket gives an error without a text. */
interface WebSocketErrorEvent {
  readonly message?: string;
  readonly error?: unknown;
}

/** What is used of a WebSocket: the browser's, Node's own, or that of the package `ws`. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'error', listener: (event: WebSocketErrorEvent) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  send(bytes: Uint8Array): void;
  close(code?: number): void;
  /** Of `ws` only. */
  pause?(): void;
  resume?(): void;
  terminate?(): void;
}

export type WebSocketMaker = (url: string, subprotocol: string) => WebSocketLike;

/** Opens `ws://host/mqtt`, `wss://host/mqtt` with the WebSocket that `make` gives. */
export function openWebSocket(context: TransportContext, observer: TransportObserver, make: WebSocketMaker): Promise<Transport> {
  const { signal } = context;
  const url = new URL(context.url);
  // They belong into CONNECT; a WebSocket refuses a fragment.
  url.username = '';
  url.password = '';
  url.hash = '';
  // Without the query, which may be signed: errors are logged.
  const place = `${url.protocol}//${url.host}${url.pathname}`;
  if (signal.aborted) return Promise.reject(aborted(place, signal));
  return new Promise((resolve, reject) => {
    const socket = makeWebSocket(make, url.href, place);
    socket.binaryType = 'arraybuffer';
    const onAbort = (): void => {
      reject(aborted(place, signal));
      endAtOnce(socket);
    };
    signal.addEventListener('abort', onAbort);
    let cause: unknown;
    // They stay when the promise is settled, and then say nothing; `ws` throws an error that nobody listens for.
    socket.addEventListener('error', (event) => {
      cause ??= readReason(event);
    });
    socket.addEventListener('close', ({ code }) => {
      signal.removeEventListener('abort', onAbort);
      const hint = url.pathname === '/' ? '; most brokers take WebSockets at /mqtt' : '';
      reject(cannotOpen(place, cause ?? `the WebSocket closed with ${code}, no reason given${hint}`));
    });
    socket.addEventListener('open', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(new WebSocketTransport(socket, place, observer));
    });
  });
}

function makeWebSocket(make: WebSocketMaker, url: string, place: string): WebSocketLike {
  try {
    return make(url, SUBPROTOCOL);
  } catch (cause) {
    throw invalid(`${place}: ${(cause as Error).message}`, cause);
  }
}

class WebSocketTransport implements Transport {
  readonly #socket: WebSocketLike;
  readonly #place: string;
  readonly #observer: TransportObserver;
  readonly #startTimer: ReturnType<typeof setTimeout>;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Whoever waits for the opener's promise goes first: it has gone on when it writes, as a client speaks first, or a turn later. */
  #hasStarted = false;
  #isPaused = false;
  #isReleasing = false;
  /** By us. */
  #isClosing = false;
  /** The socket's last word. */
  #ended: { readonly error: Error | undefined } | undefined;
  #hasToldClose = false;
  #error: unknown;

  constructor(socket: WebSocketLike, place: string, observer: TransportObserver) {
    this.#socket = socket;
    this.#place = place;
    this.#observer = observer;
    socket.addEventListener('message', ({ data }) => this.#onMessage(data));
    socket.addEventListener('error', (event) => {
      this.#error ??= readReason(event);
    });
    socket.addEventListener('close', ({ code, reason }) => {
      const text = `the WebSocket closed with ${code}${reason === '' ? '' : ` '${reason}'`}`;
      this.#end(lost(place, 'lost the connection to', this.#error ?? text));
    });
    this.#startTimer = setTimeout(() => this.#start(), 0);
  }

  write(bytes: Uint8Array): boolean {
    this.#start();
    // After the end there is nobody to hold back.
    if (this.#isClosing || this.#socket.readyState !== OPEN) return true;
    this.#socket.send(bytes);
    if (this.#socket.bufferedAmount < UNSENT_BYTES_HIGH) return true;
    this.#drainTimer ??= setTimeout(() => this.#pollDrain(), DRAIN_POLL_MS);
    return false;
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isClosing) this.#socket.pause?.();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket.resume?.();
    this.#releaseSoon();
  }

  close(): void {
    if (this.#ended !== undefined) return this.destroy();
    if (this.#isClosing) return;
    this.#forget();
    this.#socket.resume?.();
    this.#socket.close(1000);
    this.#closeTimer = setTimeout(() => this.destroy(), CLOSE_MS_MAX);
  }

  destroy(): void {
    this.#forget();
    endAtOnce(this.#socket);
    this.#end(undefined);
    this.#releaseSoon();
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    clearTimeout(this.#startTimer);
    this.#releaseSoon();
  }

  #onMessage(data: unknown): void {
    if (this.#isClosing || this.#ended !== undefined) return;
    // MQTT travels in binary frames only. [MQTT-6.0.0-1]
    if (!(data instanceof ArrayBuffer)) return this.#giveUp('got a text frame from');
    const bytes = new Uint8Array(data);
    if (this.#hasStarted && !this.#isPaused && this.#held.length === 0) return this.#observer.onData(bytes);
    if (this.#heldBytes >= HELD_BYTES_MAX) return this.#giveUp(`cannot hold back more than ${HELD_BYTES_MAX} bytes of`);
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#releaseSoon();
  }

  #releaseSoon(): void {
    if (this.#isReleasing || !this.#hasStarted) return;
    this.#isReleasing = true;
    queueMicrotask(() => this.#release());
  }

  /** Hands over what was held back, as long as the receiver does not pause again, and then the end. */
  #release(): void {
    this.#isReleasing = false;
    let next = 0;
    for (; next < this.#held.length && !this.#isPaused && !this.#isClosing; next += 1) {
      const bytes = this.#held[next];
      this.#heldBytes -= bytes.length;
      this.#observer.onData(bytes);
    }
    this.#held.splice(0, next);
    if (this.#ended === undefined || this.#held.length > 0 || this.#hasToldClose) return;
    this.#hasToldClose = true;
    this.#observer.onClose(this.#ended.error);
  }

  #pollDrain(): void {
    this.#drainTimer = undefined;
    if (this.#isClosing || this.#ended !== undefined) return;
    if (this.#socket.bufferedAmount > UNSENT_BYTES_LOW) this.#drainTimer = setTimeout(() => this.#pollDrain(), DRAIN_POLL_MS);
    else this.#observer.onDrain();
  }

  #giveUp(why: string): void {
    endAtOnce(this.#socket);
    this.#end(lost(this.#place, why));
  }

  /** Nobody wants to hear any more. */
  #forget(): void {
    this.#isClosing = true;
    this.#held.length = 0;
    this.#heldBytes = 0;
  }

  #end(error: Error | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error: this.#isClosing ? undefined : error };
    clearTimeout(this.#drainTimer);
    clearTimeout(this.#closeTimer);
    this.#releaseSoon();
  }
}

function readReason({ error, message }: WebSocketErrorEvent): unknown {
  if (error instanceof AggregateError || (error instanceof Error && error.message !== '')) return error;
  return message === '' ? undefined : message;
}

/** A browser's WebSocket cannot be destroyed: it closes behind our back. */
function endAtOnce(socket: WebSocketLike): void {
  if (socket.terminate === undefined) socket.close();
  else socket.terminate();
}
