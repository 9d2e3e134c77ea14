import { connect as connectTo, type ConnectOptions, createClient, type Message, type MqttClient, type Subscription } from '@wrenmq/client';
import { launchBroker, type LaunchBrokerOptions, type LaunchedBroker } from '@wrenmq/testkit';

const urlOf = (broker: LaunchedBroker): string => `mqtt://${broker.target().host}:${broker.target().port}`;

/** A broker, and clients of it that are closed with it. */
export class ClientBroker implements AsyncDisposable {
  readonly broker: LaunchedBroker;
  readonly #clients: MqttClient[] = [];

  private constructor(broker: LaunchedBroker) {
    this.broker = broker;
  }

  static async launch(options?: LaunchBrokerOptions): Promise<ClientBroker> {
    return new ClientBroker(await launchBroker(options));
  }

  get url(): string {
    return urlOf(this.broker);
  }

  async connect(options?: ConnectOptions): Promise<MqttClient> {
    const client = await connectTo(this.url, options);
    this.#clients.push(client);
    return client;
  }

  create(options?: ConnectOptions, url = this.url): MqttClient {
    const client = createClient(url, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ timeout: 1_000 })));
    await this.broker.close();
  }
}

/** So many messages. */
export async function take<M>(stream: Subscription<M>, count: number): Promise<M[]> {
  const messages: M[] = [];
  const iterator = stream[Symbol.asyncIterator]();
  while (messages.length < count) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    messages.push(value);
  }
  return messages;
}

export const texts = (messages: readonly Message[]): string[] => messages.map((message) => message.text());

/** Resolves with the next event of this kind. */
export function nextEvent(client: MqttClient, type: 'online' | 'offline' | 'stopped'): Promise<unknown> {
  return new Promise((resolve) => client.on(type, resolve, { once: true }));
}
