import type { Message, Payload, PublishOptions, PublishResult } from '#message/message.ts';
import type { ConnectOptions } from './connect-options.ts';
import { connect } from './create-client.ts';
import type { SubscribeOptions } from './mqtt-client.ts';

export interface ReceiveOptions extends ConnectOptions, SubscribeOptions {
  readonly signal?: AbortSignal;
  /** So many messages, then it is done. Default 1; with `retained` no limit. */
  readonly count?: number;
  /** Only what is retained: it is done when that has come. Default false. */
  readonly retained?: boolean;
}

/**
 * Connects, publishes one message, and disconnects. Rejects as `connect` and `publish` do.
 *
 *     await publishOnce('mqtt://localhost', 'hello', 'world', { qos: 1 });
 */
export async function publishOnce(
  url: string | URL,
  topic: string,
  payload: Payload,
  options: ConnectOptions & PublishOptions = {},
): Promise<PublishResult> {
  await using client = await connect(url, options);
  return await client.publish(topic, payload, options);
}

/** Nothing retained has come for so long: there is no more. */
const retainedGapMs = 300;

/**
 * Connects, subscribes, and resolves with the messages that have come: so many as `count` says, or those that are retained, which are
 * complete when none has come for 300 ms. When `signal` is aborted after subscribing, it resolves with what has come until then. What is
 * given back is acknowledged, and nothing else: a session that outlives the call keeps the rest. Rejects as `connect` and `subscribe` do.
 *
 *     const [state] = await receive('mqtt://localhost', 'presence/pump-1', { retained: true, signal: AbortSignal.timeout(2_000) });
 */
export async function receive(url: string | URL, filter: string, options: ReceiveOptions = {}): Promise<Message[]> {
  const { retained = false, count = retained ? Infinity : 1, qos = 0, ...rest } = options;
  await using client = await connect(url, options);
  const stream = await client.subscribe(filter, { ...rest, qos, ack: 'manual' });
  const iterator = stream[Symbol.asyncIterator]();
  const messages: Message[] = [];
  while (messages.length < count) {
    const next = iterator.next();
    const result = await (retained ? Promise.race([next, gap()]) : next);
    if (result === undefined || result.done === true) break;
    if (retained && !result.value.retain) continue;
    result.value.ack();
    messages.push(result.value);
  }
  return messages;
}

async function gap(): Promise<undefined> {
  await new Promise((resolve) => {
    setTimeout(resolve, retainedGapMs);
  });
}
