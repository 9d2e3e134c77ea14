import type { MqttClient, Registration, Subscription } from '#client/mqtt-client.ts';
import type { Message } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { json } from '#topic/payload-codecs.ts';
import { pythonJson } from '#topic/python-json.ts';
import { AcknowledgeQueue } from './acknowledge-queue.ts';
import { jsonCall, nativeCall } from './incoming-call.ts';
import { type JsonResponse, readJson } from './json-wire.ts';
import { controlTopic } from './native-wire.ts';
import type { RpcResponder } from './rpc-responder.ts';
import type { RpcWire } from './rpc-context.ts';

export interface ListenerOptions {
  readonly wire: RpcWire | 'auto';
  readonly share: string;
  readonly codec: PayloadCodec | undefined;
  /** What arrives beside calls, on mqttxx's wire. */
  readonly onResponse?: (response: JsonResponse) => void;
}

/** The subscriptions of a responder: `{topic}` for mqttxx's calls, `{topic}/{method}` and its control topic for those of MQTT 5. */
export class RpcListener implements Registration {
  readonly #client: MqttClient;
  readonly #topic: string;
  readonly #responder: RpcResponder;
  readonly #options: ListenerOptions;
  readonly #queue = new AcknowledgeQueue();
  readonly #subscriptions: Subscription<Message>[] = [];

  private constructor(client: MqttClient, topic: string, responder: RpcResponder, options: ListenerOptions) {
    this.#client = client;
    this.#topic = topic;
    this.#responder = responder;
    this.#options = options;
  }

  static async open(client: MqttClient, topic: string, responder: RpcResponder, options: ListenerOptions): Promise<RpcListener> {
    const listener = new RpcListener(client, topic, responder, options);
    try {
      await listener.#open();
    } catch (error) {
      await listener.remove();
      throw error;
    }
    return listener;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.unsubscribe()));
    await this.#responder.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  async #open(): Promise<void> {
    const { wire, share } = this.#options;
    // Which MQTT it speaks, and what the broker can do, is known only then.
    await this.#client.online();
    const isNative = wire !== 'mqttxx' && this.#client.protocolVersion === 5;
    // A broker of 3.1.1 that has no shared subscriptions takes one for a topic, and is silent.
    const group = share !== '' && isNative && this.#client.limits.shared ? share : undefined;
    if (isNative) {
      await this.#listen(`${this.#topic}/+`, group, (message) => this.#onNative(message));
      await this.#listen(controlTopic(`${this.#topic}/+`), undefined, (message) => this.#onControl(message));
    }
    if (wire !== 'mqtt5' || !isNative) await this.#listen(this.#topic, group, (message) => this.#onJson(message));
  }

  async #listen(filter: string, share: string | undefined, onMessage: (message: Message) => void): Promise<void> {
    const subscription = await this.#client.subscribe(filter, {
      qos: 1,
      retainHandling: 2,
      ack: 'manual',
      ...(share !== undefined && { share }),
    });
    this.#subscriptions.push(subscription);
    void read(subscription, onMessage).then(() => {
      // Nobody can be answered any more.
      if (this.#client.state === 'closed') this.#responder.abandon();
    });
  }

  #onNative(message: Message): void {
    const onDone = this.#queue.add(message);
    this.#responder.accept(nativeCall(this.#client, this.#options.codec ?? json, message), onDone);
  }

  #onControl(message: Message): void {
    this.#responder.control(message);
    this.#queue.add(message)();
  }

  #onJson(message: Message): void {
    const onDone = this.#queue.add(message);
    const codec = this.#options.codec ?? pythonJson;
    const content = readJson(codec, message.payload);
    if (content?.type === 'rpc_request') return this.#responder.accept(jsonCall(this.#client, codec, content, message), onDone);
    if (content !== undefined) this.#options.onResponse?.(content);
    onDone();
  }
}

/** Until it is unsubscribed, or the client closes. An error is the client's to tell. */
async function read(subscription: Subscription<Message>, onMessage: (message: Message) => void): Promise<void> {
  try {
    for await (const message of subscription) onMessage(message);
  } catch {
    // The client is closed, or the broker did not renew the subscription: both are events of the client.
  }
}
