import type { MqttClient, Registration, Subscription } from '#client/mqtt-client.ts';
import type { Message } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { json } from '#topic/payload-codecs.ts';
import { pythonJson } from '#topic/python-json.ts';
import { AcknowledgeQueue } from './acknowledge-queue.ts';
import { jsonCall, nativeCall } from './incoming-call.ts';
import { type JsonResponse, readJson } from './json-wire.ts';
import { controlTopic } from './native-wire.ts';
import type { RpcWire } from './rpc-context.ts';
import type { RpcResponder } from './rpc-responder.ts';

export interface ListenOptions {
  readonly topic: string;
  readonly wire: RpcWire | 'auto';
  readonly share: string;
  readonly codec: PayloadCodec | undefined;
  /** What arrives beside calls, on mqttxx's wire. */
  readonly onResponse?: (response: JsonResponse) => void;
}

/** Subscribes for a responder: to `{topic}` for mqttxx's calls, to `{topic}/{method}` and its control topic for those of MQTT 5. */
export async function listenForCalls(client: MqttClient, responder: RpcResponder, options: ListenOptions): Promise<Registration> {
  const { topic, wire, share, codec, onResponse } = options;
  const queue = new AcknowledgeQueue();
  const subscriptions: Subscription<Message>[] = [];
  const listen = async (filter: string, group: string | undefined, onMessage: (message: Message) => void): Promise<void> => {
    const subscription = await client.subscribe(filter, {
      qos: 1,
      retainHandling: 2,
      ack: 'manual',
      ...(group !== undefined && { share: group }),
    });
    subscriptions.push(subscription);
    void read(subscription, onMessage).then(() => {
      // Nobody can be answered any more.
      if (client.state === 'closed') responder.abandon();
    });
  };
  const onNative = (message: Message): void => responder.accept(nativeCall(client, codec ?? json, message), queue.add(message));
  const onControl = (message: Message): void => {
    responder.control(message);
    queue.add(message)();
  };
  const onJson = (message: Message): void => {
    const onDone = queue.add(message);
    const jsonCodec = codec ?? pythonJson;
    const content = readJson(jsonCodec, message.payload);
    if (content?.type === 'rpc_request')
      return responder.accept(jsonCall(client, jsonCodec, content, { topic: message.topic, message }), onDone);
    if (content !== undefined) onResponse?.(content);
    onDone();
  };
  const remove = async (): Promise<void> => {
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()));
    await responder.drain();
  };
  try {
    // Which MQTT it speaks, and what the broker can do, is known only then.
    await client.online();
    const isNative = wire !== 'mqttxx' && client.protocolVersion === 5;
    // A broker of 3.1.1 that has no shared subscriptions takes one for a topic, and is silent.
    const group = share !== '' && isNative && client.limits.shared ? share : undefined;
    if (isNative) {
      await listen(`${topic}/+`, group, onNative);
      await listen(controlTopic(`${topic}/+`), undefined, onControl);
    }
    if (wire !== 'mqtt5' || !isNative) await listen(topic, group, onJson);
  } catch (error) {
    await remove();
    throw error;
  }
  return { remove, [Symbol.asyncDispose]: remove };
}

/** Until it is unsubscribed, or the client closes. Never rejects. */
async function read(subscription: Subscription<Message>, onMessage: (message: Message) => void): Promise<void> {
  try {
    for await (const message of subscription) onMessage(message);
  } catch {
    // The client is closed, or the broker did not renew the subscription: both are events of the client.
  }
}
