import { handled } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { HandleOptions, MqttClient, Registration } from '#client/mqtt-client.ts';
import type { Message, PublishOptions } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { pythonJson } from '#topic/python-json.ts';

/** Gets what was published: an EventMessage, the object, or `{ data }` around any other value. */
export type EventHandler<T> = (topic: string, message: T) => unknown;

export interface EventSubscription extends Registration {
  /** Resolves when the broker has granted the pattern; rejects with MqttError when it refuses. Who does not look loses nothing else. */
  readonly granted: Promise<void>;
}

/** Events: what happened, told to everybody who wants to know. */
export interface EventChannel extends AsyncDisposable {
  /**
   * Calls a function with each event under a pattern (`+`, `#`). Works offline too: the subscription follows. The functions of a pattern
   * are called one after the other, in the order of registration, each awaited; what they throw is an `error` event of the client, as is a
   * payload that the codec cannot read. A pattern has the options of its first function.
   */
  subscribe<T = unknown>(pattern: string, handler: EventHandler<T>, options?: HandleOptions<Message>): EventSubscription;
  /** Takes one function of a pattern away, or all; the last takes the subscription with it. An unknown one is no error. */
  unsubscribe(pattern: string, handler?: EventHandler<never>): void;
  /**
   * Resolves when the event is out (QoS 0, the default) or acknowledged. It leaves after the subscriptions that this channel made before it.
   * Rejects with MqttError as the client's `publish`.
   */
  publish(topic: string, message: unknown, options?: PublishOptions): Promise<void>;
}

export interface EventChannelOptions {
  /** Default: JSON as Python's json.dumps writes it, which any reader of JSON reads as long as it holds no NaN. */
  readonly codec?: PayloadCodec;
}

/**
 * An event channel on a client, compatible with mqttxx's EventChannelManager.
 *
 *     const events = eventChannel(client);
 *     events.subscribe('sensors/+/temperature', (topic, message) => console.log(topic, message));
 *     await events.publish('sensors/room1/temperature', event('temperature.changed', { value: 25.5 }));
 *     await events.publish('sensors/room1/humidity', { value: 60.2 });
 */
export function eventChannel(client: MqttClient, { codec = pythonJson }: EventChannelOptions = {}): EventChannel {
  return new Channel(client, codec);
}

/** A pattern and its functions, in the order of registration. */
interface Subscribed {
  readonly handlers: EventHandler<never>[];
  readonly registration: Promise<Registration>;
}

class Channel implements EventChannel {
  readonly #client: MqttClient;
  readonly #codec: PayloadCodec;
  readonly #patterns = new Map<string, Subscribed>();
  /** Settle when the broker has answered; never reject. */
  readonly #asked = new Set<Promise<void>>();

  constructor(client: MqttClient, codec: PayloadCodec) {
    this.#client = client;
    this.#codec = codec;
  }

  subscribe<T>(pattern: string, handler: EventHandler<T>, options: HandleOptions<Message> = {}): EventSubscription {
    const subscribed = this.#patterns.get(pattern) ?? this.#open(pattern, options);
    subscribed.handlers.push(handler);
    const remove = async (): Promise<void> => this.#remove(pattern, subscribed, handler);
    const granted = handled(subscribed.registration.then(() => {}));
    return { granted, remove, [Symbol.asyncDispose]: remove };
  }

  unsubscribe(pattern: string, handler?: EventHandler<never>): void {
    const subscribed = this.#patterns.get(pattern);
    if (subscribed !== undefined) void this.#remove(pattern, subscribed, handler);
  }

  async publish(topic: string, message: unknown, options?: PublishOptions): Promise<void> {
    const isObject = typeof message === 'object' && message !== null && !Array.isArray(message);
    const codec = this.#codec;
    const target = { topic, codec, encode: (value: unknown) => codec.encode(value) };
    if (this.#client.state === 'online' && this.#asked.size > 0) await Promise.all(this.#asked);
    await this.#client.publish(target, isObject ? message : { data: message ?? null }, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#patterns].map(([pattern, subscribed]) => this.#remove(pattern, subscribed, undefined)));
  }

  #open(pattern: string, options: HandleOptions<Message>): Subscribed {
    const handlers: EventHandler<never>[] = [];
    const registration = handled(this.#client.handle(pattern, (message: Message) => this.#dispatch(handlers, message), options));
    const subscribed = { handlers, registration };
    this.#patterns.set(pattern, subscribed);
    const answered = registration.then(
      () => {},
      // Who subscribes again tries again.
      () => void this.#forget(pattern, subscribed),
    );
    this.#asked.add(answered);
    void answered.then(() => this.#asked.delete(answered));
    return subscribed;
  }

  async #dispatch(handlers: readonly EventHandler<never>[], { topic, payload }: Message): Promise<void> {
    const event = this.#decode(topic, payload);
    const errors: unknown[] = [];
    for (const handler of handlers.slice()) {
      try {
        await handler(topic, event as never);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, `handlers of ${topic}`);
  }

  #decode(topic: string, payload: Uint8Array): unknown {
    try {
      return this.#codec.decode(payload);
    } catch (cause) {
      throw new MqttError('VALIDATION', `the event on ${topic} is no ${this.#codec.contentType}`, { cause });
    }
  }

  /** Never rejects: a subscription that is refused is gone. */
  async #remove(pattern: string, subscribed: Subscribed, handler: EventHandler<never> | undefined): Promise<void> {
    const { handlers, registration } = subscribed;
    const index = handler === undefined ? 0 : handlers.indexOf(handler);
    if (index < 0) return;
    handlers.splice(index, handler === undefined ? handlers.length : 1);
    if (handlers.length > 0 || !this.#forget(pattern, subscribed)) return;
    await registration.then(
      (opened) => opened.remove(),
      () => {},
    );
  }

  #forget(pattern: string, subscribed: Subscribed): boolean {
    return this.#patterns.get(pattern) === subscribed && this.#patterns.delete(pattern);
  }
}
