import { MqttError } from '#base/mqtt-error.ts';
import type { MqttClient, Subscription } from '#client/mqtt-client.ts';
import type { Message } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { readJson } from './json-wire.ts';
import { WaitingCalls } from './waiting-calls.ts';

const inboxes = Symbol('the inboxes of a client');

/** They belong to their client. By response topic; '' is its own. */
interface Owner {
  [inboxes]?: Map<string, Promise<ReplyInbox>>;
}

/** The Response Topic of a client: one subscription for the answers to all its calls, made by the first of them. */
export class ReplyInbox {
  readonly topic: string;
  readonly calls = new WaitingCalls();
  /** Of those who call on mqttxx's wire. */
  readonly #codecs = new Set<PayloadCodec>();

  private constructor(topic: string) {
    this.topic = topic;
  }

  /** Waits for a connection, and until the broker has granted the subscription. Rejects when it refuses; then the next call tries again. */
  static async of(client: MqttClient, codec: PayloadCodec, topic = ''): Promise<ReplyInbox> {
    const own = ((client as Owner)[inboxes] ??= new Map());
    let opening = own.get(topic);
    if (opening === undefined) {
      const forget = () => own.delete(topic);
      opening = ReplyInbox.#open(client, topic, forget);
      own.set(topic, opening);
      opening.catch(forget);
    }
    const inbox = await opening;
    inbox.#codecs.add(codec);
    return inbox;
  }

  static async #open(client: MqttClient, topic: string, forget: () => void): Promise<ReplyInbox> {
    await client.online();
    const inbox = new ReplyInbox(topic || responseTopic(client));
    const subscription = await client.subscribe(inbox.topic, { qos: 1, retainHandling: 2 });
    void inbox.#read(subscription).then(forget);
    return inbox;
  }

  /** Until the client closes, or the broker does not renew the subscription. Never rejects. */
  async #read(subscription: Subscription<Message>): Promise<void> {
    let cause: unknown;
    try {
      for await (const message of subscription) this.#offer(message);
    } catch (error) {
      cause = error;
    }
    this.calls.failAll(cause instanceof MqttError ? cause : new MqttError('CLOSED', 'no answers arrive any more', { cause }));
  }

  #offer(message: Message): void {
    if (message.correlationData !== undefined) return this.calls.offerMessage(message);
    for (const codec of this.#codecs) {
      const response = readJson(codec, message.payload);
      if (response?.type === 'rpc_response' && this.calls.offerResponse(response)) return;
    }
  }
}

/** The same after a restart, so that a session that lives on collects no subscriptions. */
function responseTopic({ clientId, responseInformation }: MqttClient): string {
  const base = responseInformation === undefined ? 'clients/' : responseInformation.replace(/\/?$/, '/');
  return `${base}${encodeURIComponent(clientId)}/rpc`;
}
