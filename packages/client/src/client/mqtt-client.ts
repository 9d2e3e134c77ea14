import type { QoS } from '@wrenmq/codec';
import type { MqttError } from '#base/mqtt-error.ts';
import type { Message, Payload, PublishOptions, PublishResult } from '#message/message.ts';
import type { BrokerLimits } from '#session/broker-limits.ts';
import type { ConcreteTopic, Topic, TopicParams } from '#topic/topic.ts';

export interface SubscribeOptions {
  /** Default 0. */
  readonly qos?: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** 0 (default): retained messages come at once. 1: only when the subscription is new. 2: never. */
  readonly retainHandling?: 0 | 1 | 2;
  /** The group of a shared subscription: `$share/{share}/{filter}`. */
  readonly share?: string;
  /** 'auto' (default): acknowledged when the iterator asks for the next message, or the handler is done. 'manual': by `ack` and `nack`. */
  readonly ack?: 'auto' | 'manual';
  /** Messages that may wait here. Default 1,024. */
  readonly buffer?: number;
  /** What a full buffer does to QoS 0 messages. 'backpressure' (default) pauses the socket. */
  readonly whenFull?: 'backpressure' | 'drop-oldest' | 'drop-newest';
  /** Aborted, it unsubscribes and ends the iteration. */
  readonly signal?: AbortSignal;
}

export interface Subscription<M> extends AsyncIterable<M>, AsyncDisposable {
  readonly filter: string;
  readonly grantedQoS: QoS;
  /** Settles when the subscription has ended; never rejects. */
  readonly closed: Promise<void>;
  /** Ends the iteration; what waits here is not delivered any more. Never rejects for a lost connection. */
  unsubscribe(): Promise<void>;
}

export interface HandlerContext {
  /** Aborted when the registration is removed or the client closes. */
  readonly signal: AbortSignal;
}

export type Handler<M> = (message: M, context: HandlerContext) => void | Promise<void>;

export interface HandleOptions<M> extends SubscribeOptions {
  /** Messages in the handler at once. Default 1. */
  readonly concurrency?: number;
  /** Messages of the same key are handled one after the other. Default 'topic'. */
  readonly orderBy?: 'topic' | 'none' | ((message: M) => string);
  /** What becomes of a message whose handler throws. Default: an `error` event, and 'ack'. 'retry' calls the handler again, with back-off. */
  readonly onError?: (error: unknown, message: M) => 'ack' | 'nack' | 'retry' | void;
}

export interface Registration extends AsyncDisposable {
  /** Takes no new message, waits for running handlers, unsubscribes. */
  remove(): Promise<void>;
}

export interface RequestOptions extends PublishOptions {
  /** Milliseconds to wait for the answer. Default 30,000. */
  readonly timeout?: number;
}

export interface RequestManyOptions extends RequestOptions {
  /** Ends after so many answers. Default: no limit. */
  readonly max?: number;
  /** Ends when so many milliseconds passed without an answer, after the first one. Default: only `timeout` ends it. */
  readonly idle?: number;
}

export interface CloseOptions {
  /** Milliseconds for DISCONNECT to leave and the store to close. Default 5,000. */
  readonly timeout?: number;
  /** Reason code of DISCONNECT. Default 0. */
  readonly reason?: number;
  /** Seconds: changes the session's expiry (MQTT 5). */
  readonly sessionExpiry?: number;
  /** The broker publishes the will (0x04; in MQTT 3.1.1 by closing without DISCONNECT). */
  readonly withWill?: boolean;
}

export interface ClientStats {
  /** Sent, not acknowledged. */
  readonly inflight: number;
  /** Not yet sent. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** Messages. */
  readonly sent: number;
  readonly received: number;
  /** Received messages that a full buffer dropped. */
  readonly dropped: number;
  readonly reconnects: number;
  /** Milliseconds between the last PINGREQ and its answer; -1 before the first. */
  readonly rtt: number;
}

export interface ClientEvents {
  online: { readonly sessionPresent: boolean; readonly attempt: number };
  /** `willRetryIn`: milliseconds; absent when there is no further attempt. */
  offline: { readonly error: MqttError; readonly reasonCode?: number; readonly willRetryIn?: number };
  /** The broker had forgotten the session: so many messages were published again, so many were given up. */
  sessionlost: { readonly republished: number; readonly failed: number };
  /** There will be no further attempt; every promise is settled. */
  stopped: { readonly error: MqttError };
  slowconsumer: { readonly filter: string; readonly pending: number };
  /** What no promise can tell: a handler that threw, a store that failed. */
  error: { readonly error: unknown };
}

export interface MqttClient extends AsyncDisposable {
  /** As configured, or as the broker has assigned it; of a store's own client id '' until the store is open. */
  readonly clientId: string;
  readonly state: 'connecting' | 'online' | 'offline' | 'closed';
  readonly protocolVersion: 4 | 5;
  readonly limits: BrokerLimits;
  readonly stats: ClientStats;
  /** Response Information of CONNACK, where the broker gives it. */
  readonly responseInformation: string | undefined;

  /**
   * Resolves when there is a connection, at once if there is one. Rejects with the MqttError for which there will be none (as `stopped` tells),
   * CLOSED, or ABORTED by `signal`, which ends the waiting only.
   *
   *     await client.online({ signal: AbortSignal.timeout(5_000) });
   *     console.log(client.limits.receiveMaximum);
   */
  online(options?: { readonly signal?: AbortSignal }): Promise<void>;

  /**
   * Publishes at QoS 0 unless told otherwise; a typed topic brings its own QoS and codec. Resolves when the message is out (QoS 0) or
   * acknowledged (QoS 1, 2). Without a connection it waits for one, `timeout` milliseconds at most, if given.
   *
   *     await client.publish('sensors/r1/temperature', '25.5');
   *     const { noSubscribers } = await client.publish('sensors/r1/state', '{"on":true}', { qos: 1, retain: true, timeout: 5_000 });
   *     if (noSubscribers) console.log('nobody listens');
   *
   * Rejects with MqttError INVALID (topic), VALIDATION (schema), REFUSED with the broker's reason code, TOO_LARGE, NOT_SUPPORTED, QUEUE_FULL,
   * OFFLINE (`outbound.offline`), EXPIRED, SESSION_LOST, DISCONNECTED (QoS 0, the connection went with it), STORE, TIMEOUT, ABORTED, CLOSED.
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult>;
  publish<In>(topic: ConcreteTopic<In>, value: In, options?: PublishOptions): Promise<PublishResult>;

  /**
   * Resolves as soon as the message is in the session store (QoS 1 and 2; at QoS 0 nothing is stored): with a durable store it outlives the
   * process from then on, and `seq`, which counts up from 1, names it. `acked` settles as `publish` would; who does not look at it misses
   * nothing else.
   *
   *     const { seq, acked } = await client.enqueue('plant/line1/count', '42', { qos: 2, expiry: 3_600 });
   *     console.log(seq);
   *     await acked;
   *
   * Rejects as `publish` does with what is wrong before that: INVALID, VALIDATION, QUEUE_FULL, OFFLINE, STORE, TIMEOUT, ABORTED, CLOSED.
   */
  enqueue(topic: string, payload: Payload, options?: PublishOptions): Promise<EnqueuedMessage>;
  enqueue<In>(topic: ConcreteTopic<In>, value: In, options?: PublishOptions): Promise<EnqueuedMessage>;

  /**
   * Messages as an async iterator, by filter, list of filters or typed topic; `{name}` in a filter is `+` with a name, `{name...}` at the end
   * `#`. At QoS 0 unless told otherwise. Resolves when the broker has granted it, also if that takes a reconnection; it is renewed when the
   * broker loses the session. Leaving the loop unsubscribes.
   *
   *     const states = await client.subscribe('presence/{device}', { qos: 1 });
   *     for await (const message of states) {
   *       console.log(message.params.device, message.text());
   *       break;
   *     }
   *
   * Rejects with MqttError INVALID (filter), REFUSED with the broker's reason code, NOT_SUPPORTED, ABORTED, CLOSED. The iteration ends when
   * the client closes, and throws when it has stopped with an error. Overlapping subscriptions get a message once each.
   */
  subscribe<F extends string, In, Out>(
    topic: Topic<F, In, Out>,
    options?: SubscribeOptions,
  ): Promise<Subscription<Message<Out, TopicParams<F>>>>;
  subscribe<const F extends string>(
    filter: F | readonly F[],
    options?: SubscribeOptions,
  ): Promise<Subscription<Message<Uint8Array, TopicParams<F>>>>;

  /**
   * Calls a function with each message, one at a time unless `concurrency` says otherwise, those of a topic in order. A message is acknowledged
   * when the function, or its promise, is done (`ack: 'auto'`). Resolves and rejects as `subscribe`.
   *
   *     const registration = await client.handle('orders/{id}', async (message) => save(message.params.id, message.text()), {
   *       qos: 1,
   *       concurrency: 8,
   *       onError: () => 'retry', // after 100 ms, doubling to 30 s; 'ack' and 'nack' give it up
   *     });
   *     await client.publish('orders/7', 'two coffees', { qos: 1 });
   *     await registration.remove();
   *
   * What the function throws, with no `onError`, is an `error` event, and the message counts as handled.
   */
  handle<F extends string, In, Out>(
    topic: Topic<F, In, Out>,
    handler: Handler<Message<Out, TopicParams<F>>>,
    options?: HandleOptions<Message<Out, TopicParams<F>>>,
  ): Promise<Registration>;
  handle<const F extends string>(
    filter: F,
    handler: Handler<Message<Uint8Array, TopicParams<F>>>,
    options?: HandleOptions<Message<Uint8Array, TopicParams<F>>>,
  ): Promise<Registration>;

  /**
   * Publishes with a response topic of this client, at QoS 1 unless told otherwise, and waits for one answer, `timeout` milliseconds at most
   * (30,000 unless told otherwise).
   *
   *     const answer = await client.request('clock/now', 'UTC', { timeout: 2_000 });
   *     console.log(answer.text());
   *
   * Rejects with MqttError REFUSED (0x10) at once when the broker says that nobody subscribes, TIMEOUT, ABORTED, CLOSED, NOT_SUPPORTED in MQTT
   * 3.1.1, and as `publish`.
   */
  request(topic: string, payload: Payload, options?: RequestOptions): Promise<Message>;
  /**
   * The same for many answers, as they come: up to `max`, until none has come for `idle` milliseconds after the first, or `timeout`. Leaving the
   * loop ends it. The end of the time is an end, not an error, once there was an answer.
   *
   *     for await (const answer of client.requestMany('clock/now', 'UTC', { max: 1 })) console.log(answer.text());
   */
  requestMany(topic: string, payload: Payload, options?: RequestManyOptions): AsyncIterable<Message>;

  /**
   * Calls a function at each event of a kind, until `signal` is aborted. Nothing has to be listened to: what is not is not thrown.
   *
   *     client
   *       .on('online', ({ sessionPresent }) => console.log('online', sessionPresent))
   *       .on('offline', ({ error, willRetryIn }) => console.log(error.message, willRetryIn), { signal });
   */
  on<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => void,
    options?: { readonly signal?: AbortSignal; readonly once?: boolean },
  ): this;

  /**
   * Resolves when the queue is empty, everything is acknowledged and no handler runs: safe to power off. New messages are still taken. Rejects
   * with MqttError ABORTED by `signal`, or with what ends the client.
   *
   *     void client.publish('plant/line1/count', '42', { qos: 2 });
   *     await client.drain({ signal: AbortSignal.timeout(30_000) });
   */
  drain(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Ends in any case within `timeout` milliseconds (5,000 unless told otherwise), and never rejects. What is queued stays in a durable store,
   * and is lost without one: `drain` first. Promises that wait are rejected with CLOSED, iterations end. `await using` calls it.
   *
   *     await client.close({ timeout: 1_000 });
   *     console.log(client.state); // closed
   */
  close(options?: CloseOptions): Promise<void>;
}

export interface EnqueuedMessage {
  readonly seq: bigint;
  readonly acked: Promise<PublishResult>;
}
