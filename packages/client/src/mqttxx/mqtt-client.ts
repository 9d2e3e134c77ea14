import { MqttError } from '#base/mqtt-error.ts';
import { realSurroundings } from '#base/surroundings.ts';
import { createClient } from '#client/create-client.ts';
import type { ClientEvents, MqttClient, Registration } from '#client/mqtt-client.ts';
import type { Message, PublishOptions } from '#message/message.ts';
import { MQTTConfig, type MQTTConfigFields } from './config.ts';
import { brokerUrl, connectOptions } from './connect-options.ts';
import { ErrorCode } from './error-code.ts';
import { ConnectionError, connectionError } from './mqttx-error.ts';
import { TopicLanes } from './topic-lanes.ts';

const connectTimeoutMs = 60_000;
const drainTimeoutMs = 5_000;

/** Gets bytes: reading them is the business of who subscribes. May be asynchronous. */
export type MessageHandler = (topic: string, payload: Uint8Array) => unknown;

interface Pattern {
  readonly handlers: MessageHandler[];
  registration: Promise<Registration | undefined> | undefined;
}

/**
 * mqttxx's client on ours.
 *
 *     await using client = new MQTTClient({ brokerHost: 'localhost', clientId: 'device_123' });
 *     client.subscribe('sensors/#', (topic, payload) => console.log(topic, payload));
 *     await client.connect();
 *     await client.publish('sensors/temperature', '25.5', 1);
 */
export class MQTTClient implements AsyncDisposable {
  readonly config: MQTTConfig;
  readonly #patterns = new Map<string, Pattern>();
  readonly #lanes = new TopicLanes();
  readonly #asked = new Set<Promise<unknown>>();
  #client: MqttClient | undefined;
  #ending = new AbortController();
  #connecting: Promise<void> | undefined;

  constructor(config: MQTTConfig | MQTTConfigFields) {
    this.config = config instanceof MQTTConfig ? config : new MQTTConfig(config);
  }

  get isConnected(): boolean {
    return this.#client?.state === 'online';
  }

  /** What the client calls itself, or what the broker calls it. '' before that is known. */
  get clientId(): string {
    return this.config.clientId || (this.#client?.clientId ?? '');
  }

  /** The client below, with everything that it can do. Throws ConnectionError NOT_CONNECTED before `connect`. */
  get raw(): MqttClient {
    if (this.#client === undefined) throw new ConnectionError('the client has not been connected', ErrorCode.NOT_CONNECTED);
    return this.#client;
  }

  /**
   * Waits for the first connection, up to 60 s; from then on it reconnects by itself. Rejects with ConnectionError: CONNECTION_FAILED, or
   * AUTHENTICATION_FAILED at once when the broker says so. The second call waits for the same connection.
   */
  connect(): Promise<void> {
    if (this.#connecting !== undefined) this.config.logger.warn('the client is connected, or about to be');
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  /** Sends what waits and lets the handlers finish, up to 5 s; then it ends. `connect` may follow. */
  async disconnect(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    if (client.state === 'online') await this.#drain(client);
    await this.#end(client);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  /**
   * Works at any time, connected or not; subscriptions are at QoS 1 and follow every reconnection. The handlers of one message run in the
   * order of registration, one after the other; what they throw is logged, and the next one runs. A refusal is logged.
   */
  subscribe(pattern: string, handler: MessageHandler): void {
    let known = this.#patterns.get(pattern);
    if (known === undefined) {
      known = { handlers: [], registration: undefined };
      this.#patterns.set(pattern, known);
      if (this.#client !== undefined) this.#open(this.#client, pattern, known);
    }
    known.handlers.push(handler);
  }

  /** Takes one handler away, or all; the last takes the subscription with it. An unknown one is no error. */
  unsubscribe(pattern: string, handler?: MessageHandler): void {
    const known = this.#patterns.get(pattern);
    if (known === undefined) return;
    const index = handler === undefined ? 0 : known.handlers.indexOf(handler);
    if (index >= 0) known.handlers.splice(index, handler === undefined ? known.handlers.length : 1);
    if (known.handlers.length > 0) return;
    this.#patterns.delete(pattern);
    void known.registration?.then((registration) => registration?.remove());
  }

  /** Aborted when the client ends. Each `connect` brings another one. */
  get endSignal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Resolves when the broker has answered all subscriptions made so far, granting them or not. */
  async granted(): Promise<void> {
    await Promise.all(this.#asked);
  }

  /**
   * Resolves when the message is out (QoS 0) or acknowledged; without a connection it waits for one, and always for the subscriptions made
   * before it, so that who subscribes and publishes hears it. Rejects with ConnectionError
   * NOT_CONNECTED before `connect`, PUBLISH_FAILED when the broker refuses or the client ends.
   */
  async publish(topic: string, payload: string | Uint8Array, qos: 0 | 1 | 2 = 0, options: PublishOptions = {}): Promise<void> {
    const client = this.raw;
    try {
      if (this.#asked.size > 0) await this.granted();
      await client.publish(topic, payload, { ...options, qos });
    } catch (error) {
      throw connectionError(error, ErrorCode.PUBLISH_FAILED);
    }
  }

  async #connect(): Promise<void> {
    let client: MqttClient | undefined;
    const controller = new AbortController();
    const cancelTimer = realSurroundings.after(connectTimeoutMs, () => controller.abort());
    try {
      client = createClient(brokerUrl(this.config), await connectOptions(this.config));
      this.#client = client;
      this.#tell(client);
      for (const [pattern, known] of this.#patterns) this.#open(client, pattern, known);
      await client.online({ signal: controller.signal });
    } catch (error) {
      if (client === undefined) this.#connecting = undefined;
      else await this.#end(client);
      throw failure(error);
    } finally {
      cancelTimer();
    }
  }

  async #drain(client: MqttClient): Promise<void> {
    const controller = new AbortController();
    const cancelTimer = realSurroundings.after(drainTimeoutMs, () => controller.abort());
    try {
      await client.drain({ signal: controller.signal });
    } catch (error) {
      this.config.logger.warn('not everything was sent and handled before the end', error);
    } finally {
      cancelTimer();
    }
  }

  async #end(client: MqttClient): Promise<void> {
    await client.close();
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#ending.abort();
    this.#ending = new AbortController();
    this.#connecting = undefined;
    for (const known of this.#patterns.values()) known.registration = undefined;
  }

  /** What no promise tells. */
  #tell(client: MqttClient): void {
    const { logger } = this.config;
    const lost = ({ error, willRetryIn }: ClientEvents['offline']): void => {
      if (willRetryIn !== undefined) logger.warn(`no connection; the next attempt is in ${Math.round(willRetryIn)} ms`, error);
    };
    client.on('offline', lost);
    client.on('stopped', ({ error }) => {
      logger.error('there will be no further attempt to connect', error);
      void this.#end(client);
    });
    client.on('error', ({ error }) => logger.error('an error of the client', error));
  }

  #open(client: MqttClient, pattern: string, known: Pattern): void {
    const { numWorkers = defaultWorkers(), messageQueueMaxsize, logger } = this.config;
    const registration = client
      .handle(pattern, (message: Message) => this.#lanes.run(message.topic, () => this.#dispatch(known, message)), {
        qos: 1,
        concurrency: numWorkers,
        buffer: messageQueueMaxsize,
      })
      .catch((error: unknown) => {
        if (client.state !== 'closed') logger.error(`${pattern} is refused`, connectionError(error, ErrorCode.SUBSCRIBE_FAILED));
        return undefined;
      });
    known.registration = registration;
    this.#asked.add(registration);
    void registration.then(() => this.#asked.delete(registration));
  }

  /** Never rejects. */
  async #dispatch({ handlers }: Pattern, { topic, payload }: Message): Promise<void> {
    const { maxPayloadSize, logger } = this.config;
    if (payload.length > maxPayloadSize) {
      logger.warn(`a message of ${payload.length} bytes on ${topic} is dropped: at most ${maxPayloadSize}`);
      return;
    }
    for (const handler of handlers.slice()) {
      try {
        await handler(topic, payload);
      } catch (error) {
        logger.error(`a handler of ${topic} has failed`, error);
      }
    }
  }
}

function defaultWorkers(): number {
  return ((globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1) * 2;
}

/** Bad user name or password, not authorized. */
const authenticationFailures: ReadonlySet<number | undefined> = new Set([0x86, 0x87]);

function failure(error: unknown): Error {
  if (!(error instanceof MqttError) || error.code === 'INVALID') return error as Error;
  const isRefused = authenticationFailures.has(error.reasonCode);
  return connectionError(error, isRefused ? ErrorCode.AUTHENTICATION_FAILED : ErrorCode.CONNECTION_FAILED);
}
