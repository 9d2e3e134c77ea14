// HOT
import type { QoS } from '@wrenmq/codec';
import { Deferred, handled } from '#base/deferred.ts';
import { Emitter, type ListenOptions } from '#base/emitter.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { Surroundings } from '#base/surroundings.ts';
import { abortError, limited, limitWait, type WaitOptions } from '#base/wait-limit.ts';
import type { Consumer, ConsumerContext } from '#delivery/consumer.ts';
import type { AnyHandler } from '#delivery/handler-lanes.ts';
import { MessageStream } from '#delivery/message-stream.ts';
import type { Message, Payload, PublishOptions, PublishResult } from '#message/message.ts';
import { payloadBytes, publishProperties } from '#message/publish-fields.ts';
import { type BrokerLimits, brokerLimits } from '#session/broker-limits.ts';
import type { ConnectionOutcome, Delivery } from '#session/session-contract.ts';
import { Session } from '#session/session.ts';
import type { StoreOp } from '#store/session-store.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { checkTopic } from '#topic/topic-filter.ts';
import type { ConcreteTopic, Topic, TopicParams } from '#topic/topic.ts';
import type { TransportOpener } from '#transport/transport.ts';
import type { ConnectOptions } from './connect-options.ts';
import { Connector, type ConnectorHost } from './connector.ts';
import { connectionChannel, messageChannel, publishChannel } from '#base/diagnostics.ts';
import { Driver, type DriverHost } from './driver.ts';
import { Inbound, type InboundHost, type Wanted } from './inbound.ts';
import type {
  ClientEvents,
  ClientStats,
  CloseOptions,
  EnqueuedMessage,
  HandleOptions,
  Handler,
  MqttClient,
  Registration,
  RequestManyOptions,
  RequestOptions,
  SubscribeOptions,
  Subscription,
} from './mqtt-client.ts';
import { Outbound } from './outbound.ts';
import { PublishFlow } from './publish-flow.ts';
import { RequestInbox } from './request-inbox.ts';
import { outboundOptions, sessionSettings } from './session-settings.ts';

const noOptions: PublishOptions = {};
const noFields = { properties: undefined, expiresAt: undefined };
const closeTimeoutMs = 5_000;
const disconnectWithWill = 0x04;

type SubscriptionOf<Value, F extends string> = Subscription<Message<Value, TopicParams<F>>>;
type HandlerOf<Value, F extends string> = Handler<Message<Value, TopicParams<F>>>;
type HandleOptionsOf<Value, F extends string> = HandleOptions<Message<Value, TopicParams<F>>>;

export interface ClientTarget {
  readonly url: string | URL;
  readonly options: ConnectOptions;
  readonly open: TransportOpener;
  readonly surroundings: Surroundings;
}

/** The client: what `createClient` gives. The contract says what its methods do. */
export class WrenClient implements MqttClient, DriverHost, ConnectorHost, InboundHost {
  state: MqttClient['state'] = 'connecting';
  limits: BrokerLimits;
  protocolVersion: 4 | 5;
  responseInformation: string | undefined;
  readonly #options: ConnectOptions;
  readonly #surroundings: Surroundings;
  /** As configured, in seconds. */
  readonly #keepAlive: number;
  readonly #events = new Emitter<ClientEvents>();
  readonly #driver: Driver;
  readonly #connector: Connector;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #inbox: RequestInbox;
  /** Promises that wait for something else than a message's end: how to reject them. */
  readonly #waits = new Set<(error: MqttError) => void>();
  readonly #untilOnline = new Set<() => void>();
  readonly #untilDrained = new Set<() => void>();
  readonly #stopListening: Array<() => void> = [];
  #connections = 0;
  #checkedTopic = '';
  #closed: Promise<void> | undefined;

  constructor({ url, options, open, surroundings }: ClientTarget) {
    this.#options = options;
    this.#surroundings = surroundings;
    const settings = sessionSettings(options);
    const { store } = options.session ?? {};
    this.protocolVersion = settings.version;
    this.#keepAlive = settings.keepAlive;
    this.limits = brokerLimits({}, this.#keepAlive);
    this.#driver = new Driver(
      this,
      surroundings,
      store?.isDurable === true ? store : undefined,
      (observer) => new Session(settings, observer),
    );
    this.#outbound = new Outbound(this.#driver, surroundings, outboundOptions(options.outbound));
    this.#inbound = new Inbound(this.#driver, surroundings, this, options);
    this.#inbox = new RequestInbox(this, surroundings);
    this.#connector = new Connector(this.#driver, this, surroundings, { url, open, options });
    this.#listen();
    void this.#live();
  }

  get clientId(): string {
    return this.#driver.session.clientId;
  }

  get stats(): ClientStats {
    const { inflight, queued, queuedBytes, rtt } = this.#driver.session;
    const { sent } = this.#outbound;
    const { received, dropped } = this.#inbound;
    return { inflight, queued, queuedBytes, sent, received, dropped, reconnects: Math.max(0, this.#connections - 1), rtt };
  }

  get answers(): number {
    return this.#outbound.sent;
  }

  online(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#when(this.#untilOnline, () => this.state === 'online', options);
  }

  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult>;
  publish<In>(topic: ConcreteTopic<In>, value: In, options?: PublishOptions): Promise<PublishResult>;
  publish(topic: string | ConcreteTopic<unknown>, value: unknown, options: PublishOptions = noOptions): Promise<PublishResult> {
    if (typeof topic === 'string') return this.#send(topic, value as Payload, options, undefined);
    return handled(this.#encoded(topic, value).then((payload) => this.#send(topic.topic, payload, { ...topic, ...options }, topic.codec)));
  }

  enqueue(topic: string, payload: Payload, options?: PublishOptions): Promise<EnqueuedMessage>;
  enqueue<In>(topic: ConcreteTopic<In>, value: In, options?: PublishOptions): Promise<EnqueuedMessage>;
  enqueue(topic: string | ConcreteTopic<unknown>, value: unknown, options: PublishOptions = noOptions): Promise<EnqueuedMessage> {
    return handled(this.#enqueue(topic, value, options));
  }

  subscribe<F extends string, In, Out>(topic: Topic<F, In, Out>, options?: SubscribeOptions): Promise<SubscriptionOf<Out, F>>;
  subscribe<const F extends string>(filter: F | readonly F[], options?: SubscribeOptions): Promise<SubscriptionOf<Uint8Array, F>>;
  subscribe(wanted: Wanted, options: SubscribeOptions = {}): Promise<unknown> {
    const make = (context: ConsumerContext): MessageStream => new MessageStream(context);
    return handled(this.#consume(wanted, options, make, (stream) => stream.unsubscribe()));
  }

  handle<F extends string, In, Out>(
    topic: Topic<F, In, Out>,
    handler: HandlerOf<Out, F>,
    options?: HandleOptionsOf<Out, F>,
  ): Promise<Registration>;
  handle<const F extends string>(
    filter: F,
    handler: HandlerOf<Uint8Array, F>,
    options?: HandleOptionsOf<Uint8Array, F>,
  ): Promise<Registration>;
  handle(wanted: Wanted, handler: unknown, options: HandleOptions<never> = {}): Promise<Registration> {
    const make = (context: ConsumerContext) => this.#inbound.handlers(handler as AnyHandler, context, options);
    return handled(this.#consume(wanted, options, make, (lanes) => lanes.remove()));
  }

  request(topic: string, payload: Payload, options: RequestOptions = {}): Promise<Message> {
    return handled(this.#inbox.request(topic, payload, options));
  }

  requestMany(topic: string, payload: Payload, options: RequestManyOptions = {}): AsyncIterable<Message> {
    return this.#inbox.requestMany(topic, payload, options);
  }

  on<K extends keyof ClientEvents>(type: K, listener: (event: ClientEvents[K]) => void, options?: ListenOptions): this {
    this.#events.on(type, listener, options);
    return this;
  }

  drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#when(this.#untilDrained, () => this.#isDrained, options);
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(new MqttError('CLOSED', 'the client is closed'), options);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // What the parts below tell.

  onTurn(): void {
    this.#inbound.onTurn();
  }

  onRoom(): void {
    this.#outbound.onRoom();
    this.onIdle();
  }

  onIdle(): void {
    if (this.#untilDrained.size > 0 && this.#isDrained) for (const resolve of this.#untilDrained) resolve();
  }

  onConnecting(): void {
    this.#setState('connecting');
  }

  onOnline({ sessionPresent, properties }: ConnectionOutcome): void {
    const { attempt } = this.#connector;
    this.#connections += 1;
    this.limits = brokerLimits(properties, this.#keepAlive);
    this.responseInformation = properties.responseInformation;
    this.#connector.onOnline();
    this.#inbound.onOnline(sessionPresent);
    this.#setState('online');
    for (const resolve of this.#untilOnline) resolve();
    this.#events.emit('online', { sessionPresent, attempt });
  }

  onOffline(error: MqttError, willRetryIn: number | undefined): void {
    this.#outbound.onDisconnected(error);
    this.#setState('offline', error);
    const { reasonCode } = error;
    this.#events.emit('offline', {
      error,
      ...(reasonCode !== undefined && { reasonCode }),
      ...(willRetryIn !== undefined && { willRetryIn }),
    });
  }

  onDelivery(delivery: Delivery): void {
    if (messageChannel?.hasSubscribers) {
      const { topic, payload, qos, retain } = delivery;
      messageChannel.publish({ client: this, topic, payload, qos, retain });
    }
    this.#inbound.deliver(delivery);
  }

  onSessionLost(republished: number, failed: number): void {
    this.#events.emit('sessionlost', { republished, failed });
  }

  onAuthenticate(data: Uint8Array | undefined): void {
    this.#connector.respond(data).then(
      (answer) => {
        this.#driver.session.authenticate(answer);
        this.#driver.touch();
      },
      (cause) => this.#driver.disconnect(new MqttError('REFUSED', 'authentication failed', { cause, retryable: true })),
    );
  }

  onRestored(op: StoreOp): void {
    this.#inbound.restore(op);
  }

  onSlowConsumer(filter: string, pending: number): void {
    this.#events.emit('slowconsumer', { filter, pending });
  }

  onError(error: unknown): void {
    this.#events.emit('error', { error });
  }

  get #isDrained(): boolean {
    const { session, isBlocked } = this.#driver;
    const isSent = session.queued === 0 && session.inflight === 0 && session.outputBytes === 0 && !isBlocked;
    return isSent && this.#outbound.isEmpty && this.#inbound.isIdle && this.#driver.isReady;
  }

  #send(topic: string, payload: Payload, options: PublishOptions, codec: PayloadCodec | undefined): Promise<PublishResult> {
    try {
      return this.#outbound.send(this.#flow(topic, payload, options, codec), options);
    } catch (error) {
      return handled(Promise.reject(error as Error));
    }
  }

  /** Throws MqttError INVALID. */
  #flow(topic: string, payload: Payload, options: PublishOptions, codec: PayloadCodec | undefined): PublishFlow {
    if (topic !== this.#checkedTopic) {
      checkTopic(topic);
      this.#checkedTopic = topic;
    }
    const { qos = 0, retain = false, expiry } = options;
    if (publishChannel?.hasSubscribers) publishChannel.publish({ client: this, topic, payload, qos, retain });
    const isUtf8 = typeof payload === 'string' || codec?.utf8 === true;
    const isBare = options === noOptions && !isUtf8;
    const properties = isBare ? undefined : publishProperties(isUtf8, options, codec);
    const expiresAt = expiry === undefined ? undefined : this.#driver.now() + expiry * 1_000;
    const fields = isBare ? noFields : { properties, expiresAt };
    return new PublishFlow(this.#outbound, topic, payloadBytes(payload), qos, retain, fields);
  }

  async #enqueue(topic: string | ConcreteTopic<unknown>, value: unknown, options: PublishOptions): Promise<EnqueuedMessage> {
    const isText = typeof topic === 'string';
    const payload = isText ? (value as Payload) : await this.#encoded(topic, value);
    const flow = isText
      ? this.#flow(topic, payload, options, undefined)
      : this.#flow(topic.topic, payload, { ...topic, ...options }, topic.codec);
    const stored = (flow.stored = new Deferred<number>());
    const acked = this.#outbound.send(flow, options);
    if (flow.qos === 0) stored.resolve(0);
    return { seq: BigInt(await stored.promise), acked };
  }

  async #encoded(topic: ConcreteTopic<unknown>, value: unknown): Promise<Uint8Array> {
    return topic.encode(value);
  }

  async #consume<C extends Consumer & { grantedQoS?: QoS }>(
    wanted: Wanted,
    options: SubscribeOptions,
    make: (context: ConsumerContext) => C,
    leave: (consumer: C) => Promise<void>,
  ): Promise<C> {
    if (this.#driver.ended !== undefined) throw this.#driver.ended;
    const watch = { stop: (): void => undefined };
    const consumer = make({ ...this.#inbound.context(wanted, options), onEnd: () => watch.stop() });
    try {
      consumer.grantedQoS = await this.#bounded(this.#inbound.join(consumer, options), options);
    } catch (error) {
      void leave(consumer);
      throw error;
    }
    watch.stop = limitWait(this.#surroundings, { signal: options.signal }, () => void leave(consumer));
    return consumer;
  }

  /** Waits until something is true, which calls all of `resolvers` when it becomes so. */
  #when(resolvers: Set<() => void>, isTrue: () => boolean, wait: WaitOptions): Promise<void> {
    if (this.#driver.ended === undefined && isTrue()) return Promise.resolve();
    const { promise, resolve } = new Deferred<void>();
    resolvers.add(resolve);
    const bounded = this.#bounded(promise, wait);
    const remove = (): void => void resolvers.delete(resolve);
    bounded.then(remove, remove);
    return bounded;
  }

  /** A promise that ends with the client at the latest. */
  #bounded<T>(promise: Promise<T>, { signal }: WaitOptions): Promise<T> {
    const { promise: ending, reject } = new Deferred<never>();
    if (this.#driver.ended !== undefined) reject(this.#driver.ended);
    this.#waits.add(reject);
    const bounded = limited(this.#surroundings, Promise.race([promise, ending]), { signal });
    const remove = (): void => void this.#waits.delete(reject);
    bounded.then(remove, remove);
    return bounded;
  }

  #setState(state: MqttClient['state'], error?: MqttError): void {
    this.state = state;
    this.protocolVersion = this.#driver.session.version;
    if (connectionChannel?.hasSubscribers) connectionChannel.publish({ client: this, state, error });
  }

  /** Connects, again and again, until there is no point in it any more. */
  async #live(): Promise<void> {
    let error: MqttError;
    try {
      await this.#driver.restore();
      error = await this.#connector.run();
    } catch (cause) {
      error = cause instanceof MqttError ? cause : new MqttError('STORE', String(cause), { cause });
    }
    if (this.#closed !== undefined) return;
    this.#closed = this.#close(error, {}, true);
    this.#events.emit('stopped', { error });
  }

  async #close(cause: MqttError, options: CloseOptions, hasStopped = false): Promise<void> {
    const { timeout = closeTimeoutMs, withWill = false, reason = withWill ? disconnectWithWill : 0, sessionExpiry } = options;
    const driver = this.#driver;
    driver.ended = cause;
    for (const stop of this.#stopListening) stop();
    this.#setState('closed', cause);
    this.#inbound.end(hasStopped ? cause : undefined);
    this.#inbox.end(cause);
    for (const fail of this.#waits) fail(cause);
    this.#connector.close(cause);
    const isGraceful = driver.session.isConnected && (!withWill || this.protocolVersion === 5);
    if (isGraceful) driver.session.disconnect(reason, sessionExpiry);
    const over = new Deferred<void>();
    const cancel = this.#surroundings.after(timeout, () => over.resolve());
    const ended = driver.end(cause, isGraceful).catch((failure: unknown) => this.onError(failure));
    await Promise.race([over.promise, ended]);
    cancel();
    // ORDER: what the store has taken until now was enqueued.
    driver.disconnect(cause);
    this.#outbound.end(cause);
  }

  /** What the world outside says: the user's signal, and in a browser that the network or the page is back. */
  #listen(): void {
    const { signal } = this.#options;
    const world = globalThis as unknown as { document?: EventTarget } & Partial<EventTarget>;
    const wake = (): void => {
      this.#driver.tick();
      this.#connector.wake();
    };
    const add = (target: Partial<EventTarget> | undefined, type: string, listener: () => void): void => {
      target?.addEventListener?.(type, listener);
      this.#stopListening.push(() => target?.removeEventListener?.(type, listener));
    };
    add(world.document, 'visibilitychange', wake);
    add(world, 'online', wake);
    const abort = (): void => void (this.#closed ??= this.#close(abortError(signal!), {}));
    add(signal, 'abort', abort);
    if (signal?.aborted) abort();
  }
}
