// HOT
/* oxlint-disable typescript/unbound-method -- the event functions below are called with their socket as `this`, on purpose */
import type net from 'node:net';
import type { Cancel } from '#base/clock.ts';
import type { LinkContext } from './link-context.ts';
import type { Link, LinkHandler, Peer, TlsFacts, Transport } from './link.ts';
import { adoptSocket, type ReadBuffer, untakenBytes } from './socket-handle.ts';

const linkOf = Symbol('link');

/** A socket that knows its Link, so that one function serves the events of all sockets and none needs a closure. */
type LinkedSocket = net.Socket & { [linkOf]: StreamLink };

const nothing = Buffer.alloc(0);

export interface Origin {
  readonly peer: Peer;
  readonly tls: TlsFacts | null;
  /** Bytes that were read behind a PROXY header; null on most connections. */
  readonly rest: Buffer | null;
}

/** A Link over a TCP, Unix or TLS socket. */
export class StreamLink implements Link {
  readonly peer: Peer;
  readonly tls: TlsFacts | null;
  readonly #context: LinkContext;
  readonly #socket: net.Socket;
  #handler: LinkHandler | null = null;
  #rest: Buffer | null;
  #readsByEvent = false;
  #isPaused = false;
  #isClosing = false;
  #awaitsDrain = false;
  #failure: Error | null = null;
  #onFlushed: ((error?: Error | null) => void) | null = null;
  #cancelGrace: Cancel | null = null;

  private constructor(context: LinkContext, socket: net.Socket, origin: Origin) {
    this.#context = context;
    this.#socket = socket;
    this.peer = origin.peer;
    this.tls = origin.tls;
    this.#rest = origin.rest;
    (socket as LinkedSocket)[linkOf] = this;
    socket.on('error', StreamLink.#errorEvent);
    socket.on('close', StreamLink.#closeEvent);
  }

  /** Takes over a paused TCP or Unix socket; reads land in `buffer`. */
  static adopt(context: LinkContext, accepted: net.Socket, origin: Origin, buffer: ReadBuffer): StreamLink {
    const adopted = adoptSocket(accepted, buffer, StreamLink.#readEvent);
    return adopted === null ? StreamLink.over(context, accepted, origin) : new StreamLink(context, adopted, origin);
  }

  /** Reads by `'data'` events: for TLS, and where a socket cannot be adopted. */
  static over(context: LinkContext, socket: net.Socket, origin: Origin): StreamLink {
    const link = new StreamLink(context, socket, origin);
    link.#readsByEvent = true;
    return link;
  }

  get listener(): string {
    return this.#context.listener;
  }

  get transport(): Transport {
    return this.#context.transport;
  }

  get pendingBytes(): number {
    return this.#context.isEncrypted ? this.#socket.writableLength : untakenBytes(this.#socket);
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
    if (this.#isClosing) return;
    if (this.#readsByEvent) this.#socket.on('data', StreamLink.#dataEvent);
    if (this.#rest !== null) process.nextTick(StreamLink.#readRest, this);
    else if (!this.#isPaused) this.#socket.resume();
  }

  // HOT: once per connection and turn.
  write(bytes: Buffer): boolean {
    if (this.#isClosing) return true;
    if (this.#context.isEncrypted) {
      this.#awaitsDrain = true;
      this.#socket.write(bytes, this.#flushed());
      return false;
    }
    this.#socket.write(bytes);
    if (this.#socket.writableLength === 0) return true;
    if (!this.#awaitsDrain) this.#awaitDrain();
    return false;
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isClosing) this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isClosing) return;
    if (this.#rest === null) this.#socket.resume();
    else process.nextTick(StreamLink.#readRest, this);
  }

  end(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    // What the peer still sends is read and thrown away: closing with unread input would make the kernel send a reset,
    // which can destroy our last bytes on their way.
    this.#socket.resume();
    this.#socket.end();
    this.#cancelGrace = this.#context.afterGrace(() => this.#socket.destroy());
  }

  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  /** 'drain' comes only above the high water mark, so an empty write behind the pending ones tells when they are gone. */
  #awaitDrain(): void {
    this.#awaitsDrain = true;
    this.#socket.write(nothing, this.#flushed());
  }

  #flushed(): (error?: Error | null) => void {
    this.#onFlushed ??= (error) => {
      if (!error) this.#drained();
    };
    return this.#onFlushed;
  }

  #drained(): void {
    if (!this.#awaitsDrain || this.#isClosing) return;
    if (this.#socket.writableLength > 0) {
      if (!this.#context.isEncrypted) this.#awaitDrain();
      return;
    }
    this.#awaitsDrain = false;
    try {
      this.#handler?.onDrain();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure = this.#context.handlerFailed(error, this);
    this.destroy();
  }

  static readonly #readEvent = function (this: net.Socket, count: number, bytes: Buffer): boolean {
    const link = (this as LinkedSocket)[linkOf];
    if (link.#isClosing) return true;
    try {
      link.#handler?.onBytes(bytes, 0, count);
    } catch (error) {
      link.#fail(error);
    }
    return true;
  };

  static readonly #dataEvent = function (this: net.Socket, bytes: Buffer): void {
    StreamLink.#readEvent.call(this, bytes.length, bytes);
  };

  static readonly #readRest = (link: StreamLink): void => {
    if (link.#isPaused) return;
    const rest = link.#rest;
    link.#rest = null;
    if (rest !== null) StreamLink.#readEvent.call(link.#socket, rest.length, rest);
    if (!link.#isPaused && !link.#isClosing) link.#socket.resume();
  };

  static readonly #errorEvent = function (this: net.Socket, error: Error): void {
    const link = (this as LinkedSocket)[linkOf];
    // After an orderly end by either side, a reset or a broken pipe is only how the news arrives.
    if (!link.#isClosing && !this.readableEnded) link.#failure ??= error;
  };

  static readonly #closeEvent = function (this: net.Socket): void {
    const link = (this as LinkedSocket)[linkOf];
    link.#isClosing = true;
    link.#cancelGrace?.();
    const handler = link.#handler;
    link.#handler = null;
    try {
      handler?.onClose(link.#failure);
    } catch (error) {
      link.#context.handlerFailed(error, link);
    }
    link.#context.closed(link);
  };
}
