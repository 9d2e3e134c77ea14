// HOT
import type { QoS } from '@wrenmq/codec';
import type { Surroundings } from '#base/surroundings.ts';
import type { Consumer, ConsumerContext } from '#delivery/consumer.ts';
import { type AnyHandler, HandlerLanes } from '#delivery/handler-lanes.ts';
import { Pressure } from '#delivery/pressure.ts';
import { Router, type RouterHost } from '#delivery/router.ts';
import { Subscriptions, type SubscriptionsHost } from '#delivery/subscriptions.ts';
import type { Payload, PublishOptions, PublishResult } from '#message/message.ts';
import type { Delivery } from '#session/session-contract.ts';
import type { StoreOp } from '#store/session-store.ts';
import { TopicPattern } from '#topic/topic-pattern.ts';
import type { ConnectOptions } from './connect-options.ts';
import type { Driver } from './driver.ts';
import type { HandleOptions, SubscribeOptions } from './mqtt-client.ts';

/** A typed topic, as far as it is read here. */
interface TypedTopic {
  readonly pattern: string;
  decode(payload: Uint8Array): unknown;
}

export type Wanted = string | readonly string[] | TypedTopic;

export interface InboundHost {
  /** Messages that the broker has acknowledged. */
  readonly answers: number;
  publish(topic: string, payload: Payload, options: PublishOptions): Promise<PublishResult>;
  onSlowConsumer(filter: string, pending: number): void;
  onError(error: unknown): void;
  /** A handler has nothing to do. */
  onIdle(): void;
}

const bufferedBytesMax = 16 * 1024 * 1024;
const bufferMessages = 1_024;
/** After so long without reading, whoever waits for the broker's answer gets it, though others are slow. */
const stallMs = 1_000;

/** What comes in: subscriptions, their consumers, and how much of it the socket may bring. */
export class Inbound implements RouterHost, SubscriptionsHost {
  received = 0;
  keepsUnknown: boolean;
  readonly monotonicMs: () => number;
  readonly #driver: Driver;
  readonly #surroundings: Surroundings;
  readonly #host: InboundHost;
  readonly #pressure: Pressure;
  readonly #router = new Router(this);
  readonly #subscriptions = new Subscriptions(this.#router, this);
  readonly #handlers = new Set<HandlerLanes>();
  /** How many answers had come when reading went on in spite of slow consumers; -1: it has not. */
  #answersBefore = -1;
  #cancelStall: (() => void) | undefined;

  constructor(driver: Driver, surroundings: Surroundings, host: InboundHost, options: ConnectOptions) {
    this.#driver = driver;
    this.#surroundings = surroundings;
    this.#host = host;
    this.monotonicMs = surroundings.monotonicMs;
    this.keepsUnknown = options.session?.resume === 'always';
    this.#pressure = new Pressure(options.inbound?.maxBufferedBytes ?? bufferedBytesMax, () => this.#updateReading());
  }

  get dropped(): number {
    return this.#pressure.dropped;
  }

  get isIdle(): boolean {
    for (const handler of this.#handlers) if (!handler.isIdle) return false;
    return true;
  }

  deliver(delivery: Delivery): void {
    this.received += 1;
    this.#router.route(delivery);
  }

  restore(op: StoreOp): void {
    if (op.op === 'sub.put') this.#subscriptions.restore(op.filter, op.id);
    else if (op.op === 'sub.del') this.#subscriptions.restore(op.filter, undefined);
    else if (op.op === 'session') this.#subscriptions.forgetRestored();
  }

  onOnline(sessionPresent: boolean): void {
    this.#subscriptions.endReadings();
    if (sessionPresent) for (const each of [this.#router, ...this.#subscriptions.consumers]) each.forgetRepeated();
    else this.#subscriptions.forgetNewcomers();
    this.#updateReading();
  }

  /** Everything that was subscribed to in this turn leaves together. */
  onTurn(): void {
    if (this.#isDesperate && this.#answers > this.#answersBefore) this.#updateReading();
    if (!this.#driver.isReady) return;
    const intents = this.#subscriptions.takeIntents();
    if (intents.length > 0) this.#driver.session.subscribe(intents);
  }

  context(wanted: Wanted, options: SubscribeOptions): Omit<ConsumerContext, 'onEnd'> {
    const { share, ack, buffer: limit = bufferMessages, whenFull = 'backpressure' } = options;
    const typed = isTyped(wanted) ? wanted : undefined;
    const given: string | readonly string[] = isTyped(wanted) ? wanted.pattern : wanted;
    const patterns = [given].flat().map((pattern) => new TopicPattern(pattern, share));
    const host = this.#host;
    return {
      surroundings: this.#surroundings,
      buffer: { limit, whenFull, pressure: this.#pressure, onFull: (pending) => host.onSlowConsumer(patterns[0].filter, pending) },
      source: { patterns, isManual: ack === 'manual', publish: (topic, payload, fields) => host.publish(topic, payload, fields) },
      decode: typed === undefined ? undefined : (payload) => typed.decode(payload),
      leave: (consumer) => this.leave(consumer),
      onError: (error) => host.onError(error),
    };
  }

  handlers(handler: AnyHandler, context: ConsumerContext, options: HandleOptions<never>): HandlerLanes {
    const { concurrency = 1, orderBy = 'topic', onError } = options as HandleOptions<unknown>;
    const laneKey = orderBy === 'none' ? undefined : orderBy === 'topic' ? ({ topic }: { topic: string }) => topic : orderBy;
    const onIdle = (): void => this.#host.onIdle();
    const lanes: HandlerLanes = new HandlerLanes(
      handler,
      {
        ...context,
        onEnd: () => {
          this.#handlers.delete(lanes);
          context.onEnd();
        },
      },
      { concurrency, laneKey, onError, onIdle },
    );
    this.#handlers.add(lanes);
    return lanes;
  }

  join(consumer: Consumer, options: SubscribeOptions): Promise<QoS> {
    const { qos = 0, noLocal = false, retainAsPublished = false, retainHandling = 0 } = options;
    const filters = consumer.source.patterns.map(({ filter }) => filter);
    return this.#subscriptions.join(consumer, filters, { qos, noLocal, retainAsPublished, retainHandling });
  }

  leave(consumer: Consumer): Promise<void> {
    return this.#subscriptions.leave(consumer);
  }

  /** All iterations end, handlers get nothing more. */
  end(error: Error | undefined): void {
    this.#cancelStall?.();
    for (const consumer of this.#subscriptions.consumers) consumer.end(error);
  }

  acknowledge(delivery: Delivery, reasonCode: number): void {
    this.#driver.session.acknowledge(delivery, reasonCode);
    this.#driver.touch();
  }

  onDropped(): void {
    this.#pressure.dropped += 1;
  }

  onParked(topic: string): void {
    this.#host.onSlowConsumer(topic, this.#router.parked);
  }

  onIntents(): void {
    this.#driver.touch();
  }

  unsubscribe(filters: readonly string[], onDone: () => void): void {
    this.keepsUnknown = false;
    // ORDER: what was subscribed to before.
    this.onTurn();
    if (this.#driver.ended !== undefined) return onDone();
    this.#driver.session.unsubscribe(filters, onDone);
    this.#driver.touch();
  }

  get #isDesperate(): boolean {
    return this.#answersBefore >= 0;
  }

  /** What the broker has answered until now. */
  get #answers(): number {
    return this.#host.answers + this.#subscriptions.answers;
  }

  #updateReading(): void {
    const isReading = !this.#pressure.isHigh;
    this.#answersBefore = -1;
    this.#driver.setReading(isReading);
    this.#cancelStall?.();
    this.#cancelStall = isReading ? undefined : this.#surroundings.after(stallMs, this.#onStall);
  }

  #onStall = (): void => {
    const { session } = this.#driver;
    if (session.inflight + this.#subscriptions.unanswered === 0) return this.#updateReading();
    // Somebody waits for the broker: perhaps the very handler that is slow.
    this.#answersBefore = this.#answers;
    this.#driver.setReading(true);
  };
}

function isTyped(wanted: Wanted): wanted is TypedTopic {
  return typeof wanted === 'function';
}
