import { type Codec, JSONCodec } from './json-codec.ts';
import type { MessageHandler, MQTTClient } from './mqtt-client.ts';

/** Gets what was published, as a plain object. May be asynchronous. */
export type EventHandler<T = never> = (topic: string, message: T) => unknown;

export interface EventChannelManagerOptions {
  /** Takes the functions of `eventSubscribe`. Default true. */
  readonly autoImport?: boolean;
  /** Default `JSONCodec`. */
  readonly codec?: Codec;
}

/** Functions that wait for a manager. */
class WaitingHandlers {
  readonly #handlers: Array<readonly [pattern: string, handler: EventHandler]> = [];

  readonly subscribe =
    (pattern: string) =>
    <F extends EventHandler>(handler: F): F => {
      this.#handlers.push([pattern, handler]);
      return handler;
    };

  take(): ReadonlyArray<readonly [pattern: string, handler: EventHandler]> {
    return this.#handlers.splice(0);
  }
}

/** That they belong to the module, and not to a client, is what `eventSubscribe` is for. */
const waiting = /* @__PURE__ */ new WaitingHandlers();

/**
 * Subscribes before there is a client: the next EventChannelManager takes all functions that wait.
 *
 *     eventSubscribe('sensors/+/temperature')((topic, message) => console.log(topic, message));
 */
export const eventSubscribe: (pattern: string) => <F extends EventHandler>(handler: F) => F = waiting.subscribe;

interface Pattern {
  readonly handlers: EventHandler[];
  readonly dispatch: MessageHandler;
}

/**
 * mqttxx's EventChannelManager.
 *
 *     const events = new EventChannelManager(client);
 *     events.subscribe('sensors/#', (topic, message) => console.log(topic, message));
 *     await events.publish('sensors/room1/temperature', new EventMessage({ eventType: 'temperature.changed', data: { value: 25.5 } }));
 */
export class EventDesk {
  readonly #client: MQTTClient;
  readonly #codec: Codec;
  readonly #patterns = new Map<string, Pattern>();

  constructor(client: MQTTClient, { autoImport = true, codec = JSONCodec }: EventChannelManagerOptions = {}) {
    this.#client = client;
    this.#codec = codec;
    if (autoImport) for (const [pattern, handler] of waiting.take()) this.subscribe(pattern, handler);
  }

  /** With a function, or as a decorator: `events.subscribe('a/+')(handler)`. One subscription for each pattern. */
  subscribe<T>(pattern: string): <F extends EventHandler<T>>(handler: F) => F;
  subscribe<F extends EventHandler>(pattern: string, handler: F): F;
  subscribe(pattern: string, handler?: EventHandler): unknown {
    const add = (given: EventHandler): EventHandler => {
      (this.#patterns.get(pattern) ?? this.#open(pattern)).handlers.push(given);
      return given;
    };
    return handler === undefined ? add : add(handler);
  }

  /** Takes one function away, or all; the last takes the subscription with it. An unknown one is no error. */
  unsubscribe(pattern: string, handler?: EventHandler): void {
    const known = this.#patterns.get(pattern);
    if (known === undefined) return;
    const index = handler === undefined ? 0 : known.handlers.indexOf(handler);
    if (index >= 0) known.handlers.splice(index, handler === undefined ? known.handlers.length : 1);
    if (known.handlers.length > 0) return;
    this.#patterns.delete(pattern);
    this.#client.unsubscribe(pattern, known.dispatch);
  }

  /** An EventMessage, an object as it is, or any other value as `{ data: value }`. Rejects as the client's `publish`. */
  async publish(topic: string, message: unknown, qos: 0 | 1 | 2 = 0): Promise<void> {
    const isObject = typeof message === 'object' && message !== null && !Array.isArray(message);
    await this.#client.publish(topic, this.#codec.encode(isObject ? message : { data: message ?? null }), qos);
  }

  #open(pattern: string): Pattern {
    const handlers: EventHandler[] = [];
    const dispatch = async (topic: string, payload: Uint8Array): Promise<void> => {
      const message = this.#codec.decode(payload);
      for (const handler of handlers.slice()) await this.#call(handler, topic, message);
    };
    const known = { handlers, dispatch };
    this.#patterns.set(pattern, known);
    this.#client.subscribe(pattern, dispatch);
    return known;
  }

  async #call(handler: EventHandler, topic: string, message: unknown): Promise<void> {
    try {
      await handler(topic, message as never);
    } catch (error) {
      this.#client.config.logger.error(`a handler of events on ${topic} has failed`, error);
    }
  }
}
