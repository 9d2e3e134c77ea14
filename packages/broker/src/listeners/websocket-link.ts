// HOT
import type net from 'node:net';
import type { WebSocket } from 'ws';
import type { Cancel } from '#base/clock.ts';
import type { Arrival } from './arrival.ts';
import type { LinkContext } from './link-context.ts';
import type { Link, LinkHandler, Peer, TlsFacts, Transport } from './link.ts';

const binary = { binary: true, fin: true } as const;
const nothing = Buffer.alloc(0);

/** A peer that pings and never reads must not make us buffer pongs: RFC 6455 5.5.3 lets us answer the latest ping only. */
const pongPendingBytesMax = 16 * 1024;

/** A Link over one WebSocket: each write is one binary frame, and frames are read without regard to packet borders. [MQTT-6.0.0-2] */
export class WebSocketLink implements Link {
  readonly peer: Peer;
  readonly tls: TlsFacts | null;
  readonly #context: LinkContext;
  readonly #webSocket: WebSocket;
  readonly #socket: net.Socket;
  #handler: LinkHandler | null = null;
  /** Messages that one read had brought when the handler paused: at most one message beyond the bytes of a single read. */
  #held: Buffer[] = [];
  #isPaused = false;
  #isClosing = false;
  #awaitsDrain = false;
  #failure: Error | null = null;
  #cancelGrace: Cancel | null = null;

  constructor(context: LinkContext, webSocket: WebSocket, socket: net.Socket, origin: Pick<Arrival, 'peer' | 'tls'>) {
    this.#context = context;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.peer = origin.peer;
    this.tls = origin.tls;
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on('ping', (data) => {
      if (socket.writableLength < pongPendingBytesMax) webSocket.pong(data);
    });
    webSocket.on('error', (error) => this.#broken(error));
    webSocket.on('close', () => this.#closed());
  }

  get listener(): string {
    return this.#context.listener;
  }

  get transport(): Transport {
    return this.#context.transport;
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  write(bytes: Buffer): boolean {
    if (this.#isClosing) return true;
    if (this.#context.isEncrypted) {
      this.#awaitsDrain = true;
      this.#webSocket.send(bytes, binary, this.#onFlushed);
      return false;
    }
    this.#webSocket.send(bytes, binary);
    if (this.#socket.writableLength === 0) return true;
    if (!this.#awaitsDrain) this.#awaitDrain();
    return false;
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isClosing) this.#webSocket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isClosing) return;
    if (this.#held.length === 0) this.#webSocket.resume();
    else process.nextTick(WebSocketLink.#release, this);
  }

  end(): void {
    this.#close(1000, '');
  }

  destroy(): void {
    this.#isClosing = true;
    this.#webSocket.terminate();
  }

  #receive(bytes: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    if (!isBinary) {
      this.#broken(new Error('a text frame came')); // [MQTT-6.0.0-1]
      this.#close(1003, 'MQTT needs binary frames');
      return;
    }
    if (this.#isPaused) {
      this.#held.push(bytes);
      return;
    }
    try {
      this.#handler?.onBytes(bytes, 0, bytes.length);
    } catch (error) {
      this.#fail(error);
    }
  }

  static readonly #release = (link: WebSocketLink): void => {
    const held = link.#held;
    link.#held = [];
    // What the handler does not take because it pauses again goes back to #held in order.
    for (const bytes of held) link.#receive(bytes, true);
    if (!link.#isPaused && !link.#isClosing) link.#webSocket.resume();
  };

  #awaitDrain(): void {
    this.#awaitsDrain = true;
    // Behind the frames, which are on the socket as a whole: nothing is compressed, so nothing is written later.
    this.#socket.write(nothing, this.#onFlushed);
  }

  readonly #onFlushed = (error?: Error | null): void => {
    if (error || !this.#awaitsDrain || this.#isClosing) return;
    if (this.#socket.writableLength > 0) {
      if (!this.#context.isEncrypted) this.#awaitDrain();
      return;
    }
    this.#awaitsDrain = false;
    try {
      this.#handler?.onDrain();
    } catch (failure) {
      this.#fail(failure);
    }
  };

  #close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#webSocket.resume();
    this.#webSocket.close(code, reason);
    this.#cancelGrace ??= this.#context.afterGrace(() => this.#webSocket.terminate());
  }

  /** A broken frame: ws answers it with the right close code by itself. */
  #broken(error: Error): void {
    if (this.#isClosing) return;
    this.#context.counters.websocketErrors++;
    this.#failure = error;
    this.#cancelGrace ??= this.#context.afterGrace(() => this.#webSocket.terminate());
  }

  #fail(error: unknown): void {
    this.#failure = this.#context.handlerFailed(error, this);
    this.destroy();
  }

  #closed(): void {
    this.#isClosing = true;
    this.#cancelGrace?.();
    this.#held = [];
    const handler = this.#handler;
    this.#handler = null;
    try {
      handler?.onClose(this.#failure);
    } catch (error) {
      this.#context.handlerFailed(error, this);
    }
    this.#context.closed(this);
  }
}
