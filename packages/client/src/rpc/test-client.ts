import type { QoS } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import type { HandleOptions, Handler, MqttClient, Registration, SubscribeOptions } from '#client/mqtt-client.ts';
import type { Message, Payload, PublishOptions, PublishResult } from '#message/message.ts';
import { matches } from '#topic/topic-filter.ts';
import type { ConcreteTopic } from '#topic/topic.ts';

/** What was published, as a test compares it. */
export interface Published {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly text: string;
  readonly contentType: string | undefined;
  readonly options: PublishOptions;
  readonly clientId: string;
}

/** A broker and its clients in memory: everything arrives a microtask later, in order, once. */
export class TestNetwork {
  readonly published: Published[] = [];
  readonly clients: TestClient[] = [];
  /** Decides in place of the subscriptions whether a publish arrives. */
  drop: (published: Published) => boolean = () => false;
  readonly #turns = new Map<unknown, number>();

  client(clientId: string, version: 4 | 5 = 5): MqttClient {
    const client = new TestClient(this, clientId, version);
    this.clients.push(client);
    return client as unknown as MqttClient;
  }

  /** @returns whether somebody subscribes to it. */
  route(published: Published): boolean {
    this.published.push(published);
    if (this.drop(published)) return true;
    const all = this.clients.flatMap((client) => [...client.subscriptions]).filter(({ filter }) => matches(filter, published.topic));
    const groups = Map.groupBy(all, ({ share, filter }) => (share === undefined ? Symbol('alone') : `${share}/${filter}`));
    for (const [group, members] of groups) {
      const turn = this.#turns.get(group) ?? 0;
      this.#turns.set(group, turn + 1);
      members[turn % members.length].offer(published);
    }
    return all.length > 0;
  }
}

class TestClient {
  readonly clientId: string;
  readonly protocolVersion: 4 | 5;
  state = 'online';
  readonly limits = { shared: true };
  readonly responseInformation: string | undefined;
  readonly subscriptions = new Set<TestSubscription>();
  readonly acknowledged: string[] = [];
  readonly errors: unknown[] = [];
  #network: TestNetwork;

  constructor(network: TestNetwork, clientId: string, version: 4 | 5) {
    this.#network = network;
    this.clientId = clientId;
    this.protocolVersion = version;
  }

  async online(): Promise<void> {}

  async publish(target: string | ConcreteTopic<unknown>, value: unknown, options: PublishOptions = {}): Promise<PublishResult> {
    if (options.signal?.aborted) throw new MqttError('ABORTED', 'aborted');
    const isText = typeof target === 'string';
    const payload = isText ? bytesOf(value as Payload) : await target.encode(value);
    if (payload.length > 100_000) throw new MqttError('TOO_LARGE', 'larger than the broker accepts');
    const isMatched = this.#network.route({
      topic: isText ? target : target.topic,
      payload,
      text: new TextDecoder().decode(payload),
      contentType: isText ? undefined : target.codec.contentType,
      options,
      clientId: this.clientId,
    });
    await Promise.resolve();
    const noSubscribers = this.protocolVersion === 5 && !isMatched;
    return { reasonCode: noSubscribers ? 0x10 : 0, noSubscribers };
  }

  async subscribe(filter: string, options: SubscribeOptions = {}): Promise<TestSubscription> {
    await Promise.resolve();
    if (filter.startsWith('refused')) throw new MqttError('REFUSED', 'refused', { reasonCode: 0x87 });
    const subscription = new TestSubscription(this, filter, options);
    this.subscriptions.add(subscription);
    return subscription;
  }

  async handle(filter: string, handler: Handler<Message>, options: HandleOptions<Message> = {}): Promise<Registration> {
    const subscription = await this.subscribe(filter, options);
    const { signal } = new AbortController();
    const run = async (): Promise<void> => {
      for await (const message of subscription) {
        try {
          await handler(message, { signal });
        } catch (error) {
          this.errors.push(error);
        }
      }
    };
    void run();
    const remove = (): Promise<void> => subscription.unsubscribe();
    return { remove, [Symbol.asyncDispose]: remove };
  }

  async close(): Promise<void> {
    this.state = 'closed';
    for (const subscription of this.subscriptions) await subscription.unsubscribe();
  }
}

class TestSubscription {
  readonly filter: string;
  readonly share: string | undefined;
  readonly qos: QoS;
  #client: TestClient;
  #waiting: Message[] = [];
  #isOpen = true;
  #wake = (): void => {};

  constructor(client: TestClient, filter: string, { share, qos = 0 }: SubscribeOptions) {
    this.#client = client;
    this.filter = filter;
    this.share = share;
    this.qos = qos;
  }

  offer({ topic, payload, contentType, options }: Published): void {
    const { responseTopic, correlationData, userProperties = [], expiry } = this.#client.protocolVersion === 5 ? options : {};
    const acknowledge = (): void => void this.#client.acknowledged.push(topic);
    const message: Partial<Message> = {
      topic,
      payload,
      qos: Math.min(options.qos ?? 0, this.qos) as QoS,
      userProperties,
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlationData !== undefined && { correlationData }),
      ...(expiry !== undefined && { expiry }),
      ack: acknowledge,
    };
    this.#waiting.push(message as Message);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      while (this.#isOpen && this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (!this.#isOpen) return;
      yield this.#waiting.shift()!;
    }
  }

  async unsubscribe(): Promise<void> {
    this.#isOpen = false;
    this.#client.subscriptions.delete(this);
    this.#wake();
  }
}

function bytesOf(payload: Payload): Uint8Array {
  if (typeof payload === 'string') return new TextEncoder().encode(payload);
  return payload instanceof Uint8Array ? payload : new Uint8Array(payload);
}

/** Lets everything happen that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
}
