// HOT
import { backoffDelay, type Backoff } from '#base/backoff.ts';
import { Deferred } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import { limitWait } from '#base/wait-limit.ts';
import type { MessageSource, ReceivedMessage } from '#message/received-message.ts';
import { type Consumer, type ConsumerContext, isLast } from './consumer.ts';
import { DeliveryBuffer } from './delivery-buffer.ts';

export interface HandlerOptions {
  readonly concurrency: number;
  /** Messages of one key are handled one after the other; undefined: in any order. Only asked when the concurrency is above 1. */
  readonly laneKey: ((message: ReceivedMessage) => string) | undefined;
  readonly onError: ((error: unknown, message: ReceivedMessage) => 'ack' | 'nack' | 'retry' | void) | undefined;
  /** No message is in the handler and none waits. */
  readonly onIdle: () => void;
}

export type AnyHandler = (message: ReceivedMessage, context: { readonly signal: AbortSignal }) => unknown;

/** Between two calls of the handler with one message. */
const retryBackoff: Backoff = { minDelay: 100, maxDelay: 30_000, factor: 2, jitter: 'equal' };
const payloadFormatInvalid = 0x99;

/** A subscription as calls of a handler: what `handle` gives. A message is acknowledged when its handler is done. */
export class HandlerLanes implements Consumer {
  readonly source: MessageSource;
  readonly #handler: AnyHandler;
  readonly #context: ConsumerContext;
  readonly #options: HandlerOptions;
  readonly #buffer: DeliveryBuffer;
  readonly #abortion = new AbortController();
  readonly #handlerContext = { signal: this.#abortion.signal };
  readonly #busyKeys = new Set<string>();
  readonly #idle = new Deferred<void>();
  #running = 0;
  #isPumping = false;
  #removed: Promise<void> | undefined;

  constructor(handler: AnyHandler, context: ConsumerContext, options: HandlerOptions) {
    this.source = context.source;
    this.#handler = handler;
    this.#context = context;
    this.#options = options;
    this.#buffer = new DeliveryBuffer(context.buffer);
  }

  get isIdle(): boolean {
    return this.#running === 0 && this.#buffer.length === 0;
  }

  offer(message: ReceivedMessage): void {
    if (isLast(message, this.source)) {
      // What is here is handled still; the mark is not of the type that a typed handler expects.
      void this.#context.leave(this);
      if (this.#context.decode !== undefined) return message.discard();
    }
    const { concurrency } = this.#options;
    if (concurrency > 1) message.laneKey = this.#laneKey(message);
    if (this.#running < concurrency && this.#buffer.length === 0 && this.#isFree(message)) return this.#start(message);
    this.#buffer.push(message);
    this.#pump();
  }

  remove(): Promise<void> {
    if (this.#removed === undefined) {
      const left = this.#context.leave(this);
      for (let message = this.#buffer.shift(); message !== undefined; message = this.#buffer.shift()) message.discard();
      this.end();
      this.#removed = Promise.all([left, this.#idle.promise]).then(() => undefined);
    }
    return this.#removed;
  }

  forgetRepeated(): void {
    this.#buffer.forgetRepeated();
  }

  end(error?: Error): void {
    if (this.#abortion.signal.aborted) return;
    if (error !== undefined) this.#context.onError(error);
    // What waits here is not acknowledged: it comes again with the next connection.
    while (this.#buffer.shift() !== undefined);
    this.#abortion.abort(error);
    this.#context.onEnd();
    if (this.isIdle) this.#idle.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  #laneKey(message: ReceivedMessage): string | undefined {
    try {
      return this.#options.laneKey?.(message);
    } catch (error) {
      this.#context.onError(error);
      return '';
    }
  }

  #isFree = (message: ReceivedMessage): boolean => message.laneKey === undefined || !this.#busyKeys.has(message.laneKey);

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#running < this.#options.concurrency) {
      const message = this.#options.concurrency > 1 ? this.#buffer.takeFirst(this.#isFree) : this.#buffer.shift();
      if (message === undefined) break;
      this.#start(message);
    }
    this.#isPumping = false;
    if (!this.isIdle) return;
    this.#options.onIdle();
    if (this.#abortion.signal.aborted) this.#idle.resolve();
  }

  #start(message: ReceivedMessage): void {
    this.#running += 1;
    if (message.laneKey !== undefined) this.#busyKeys.add(message.laneKey);
    this.#call(message, 1);
  }

  #call(message: ReceivedMessage, attempt: number): void {
    try {
      const result = this.#decodeAndHandle(message);
      // A handler that is not asynchronous costs no promise.
      if (!isThenable(result)) return this.#finish(message, 0);
      result.then(
        () => this.#finish(message, 0),
        (error) => this.#fail(message, attempt, error),
      );
    } catch (error) {
      this.#fail(message, attempt, error);
    }
  }

  #decodeAndHandle(message: ReceivedMessage): unknown {
    const { decode } = this.#context;
    if (decode === undefined) return this.#handler(message, this.#handlerContext);
    const handle = (value: unknown): unknown => {
      message.value = value;
      return this.#handler(message, this.#handlerContext);
    };
    const value = decode(message.payload);
    return isThenable(value) ? value.then(handle) : handle(value);
  }

  #fail(message: ReceivedMessage, attempt: number, error: unknown): void {
    const { surroundings, onError } = this.#context;
    let verdict: 'ack' | 'nack' | 'retry' | void = undefined;
    try {
      if (this.#options.onError === undefined) onError(error);
      else verdict = this.#options.onError(error, message);
    } catch (failure) {
      onError(failure);
    }
    if (verdict !== 'retry') return this.#finish(message, verdict === 'nack' ? 0x80 : 0);
    // What is malformed will not be better the next time.
    if (error instanceof MqttError && error.code === 'VALIDATION') return this.#finish(message, payloadFormatInvalid);
    const timeout = backoffDelay(retryBackoff, attempt, surroundings.random);
    limitWait(surroundings, { signal: this.#abortion.signal, timeout }, ({ code }) => {
      if (code === 'TIMEOUT') this.#call(message, attempt + 1);
      else this.#finish(message, 0x80);
    });
  }

  #finish(message: ReceivedMessage, reasonCode: number): void {
    message.done(reasonCode);
    if (message.laneKey !== undefined) this.#busyKeys.delete(message.laneKey);
    this.#running -= 1;
    this.#pump();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
}
