// HOT
import type { QoS } from '@wrenmq/codec';
import { Deferred, handled } from '#base/deferred.ts';
import { Deque } from '#base/deque.ts';
import type { MessageSource, ReceivedMessage } from '#message/received-message.ts';
import { type Consumer, type ConsumerContext, isLast } from './consumer.ts';
import { DeliveryBuffer } from './delivery-buffer.ts';

type Result = IteratorResult<ReceivedMessage, undefined>;

const done: Result = { done: true, value: undefined };

/** A subscription as an async iterator: what `subscribe` gives. A message is acknowledged when the next one is asked for. */
export class MessageStream implements Consumer, AsyncIterableIterator<ReceivedMessage, undefined> {
  readonly source: MessageSource;
  grantedQoS: QoS = 0;
  readonly #context: ConsumerContext;
  readonly #buffer: DeliveryBuffer;
  readonly #waiting = new Deque<Deferred<Result>>();
  readonly #closed = new Deferred<void>();
  #current: ReceivedMessage | undefined;
  #hasEnded = false;
  /** To be thrown once. */
  #error: Error | undefined;
  #left: Promise<void> | undefined;

  constructor(context: ConsumerContext) {
    this.source = context.source;
    this.#context = context;
    this.#buffer = new DeliveryBuffer(context.buffer);
  }

  get filter(): string {
    return this.source.patterns[0].filter;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  offer(message: ReceivedMessage): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#buffer.push(message);
    else waiting.resolve(this.#hand(message));
  }

  next(): Promise<Result> {
    this.#finish();
    const message = this.#buffer.shift();
    if (message !== undefined) return Promise.resolve(this.#hand(message));
    const waiting = new Deferred<Result>();
    if (this.#hasEnded) this.#settle(waiting);
    else this.#waiting.push(waiting);
    return waiting.promise;
  }

  async return(): Promise<Result> {
    await this.unsubscribe();
    return done;
  }

  unsubscribe(): Promise<void> {
    if (this.#left === undefined) {
      // ORDER: it leaves before it ends, so that nothing more is offered.
      this.#left = handled(this.#context.leave(this));
      this.#finish();
      for (let message = this.#buffer.shift(); message !== undefined; message = this.#buffer.shift()) message.discard();
      this.end();
    }
    return this.#left;
  }

  forgetRepeated(): void {
    this.#buffer.forgetRepeated();
  }

  end(error?: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#error = error;
    // What waits here is not acknowledged: it comes again with the next connection.
    while (this.#buffer.shift() !== undefined);
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) this.#settle(waiting);
    this.#closed.resolve();
    this.#context.onEnd();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  #finish(): void {
    this.#current?.done();
    this.#current = undefined;
  }

  #settle(waiting: Deferred<Result>): void {
    if (this.#error === undefined) waiting.resolve(done);
    else waiting.reject(this.#error);
    this.#error = undefined;
  }

  #hand(message: ReceivedMessage): Result | Promise<Result> {
    if (isLast(message, this.source)) {
      message.discard();
      return this.return();
    }
    this.#current = message;
    const { decode } = this.#context;
    if (decode === undefined) return { done: false, value: message };
    const result = (value: unknown): Result => {
      message.value = value;
      return { done: false, value: message };
    };
    try {
      const value = decode(message.payload);
      return value instanceof Promise ? value.then(result, (error) => this.#skip(error)) : result(value);
    } catch (error) {
      return this.#skip(error);
    }
  }

  /** What cannot be decoded never will be. */
  #skip(error: unknown): Promise<Result> {
    this.#context.onError(error);
    return this.next();
  }
}
