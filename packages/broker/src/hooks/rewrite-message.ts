import type { PublishProperties } from '@wrenmq/codec';
import { createMessage, type Message, type QoS } from '#message/message.ts';

/** What may be different in a rewritten message; what is absent stays as it is. */
export interface MessageChanges {
  /** A topic name: not empty, without wildcards. */
  readonly topic?: string;
  readonly payload?: Uint8Array | string;
  readonly qos?: QoS;
  readonly retain?: boolean;
  /** All of them: `{...message.properties, contentType: 'text/plain'}` changes one. */
  readonly properties?: PublishProperties;
}

/** A message like this one, with some things changed: what a transform returns. The given one stays as it is. */
export function rewriteMessage(message: Message, changes: MessageChanges): Message {
  const { topic, payload, qos, retain, delay, publisher, receivedAtMs } = message;
  // Decoding nothing would leave an empty object, and cost what most messages need not pay.
  const hasProperties = changes.properties !== undefined || message.propertiesEnd > message.propertiesStart;
  return createMessage({
    topic,
    payload,
    qos,
    retain,
    delay,
    ...(hasProperties ? { properties: message.properties } : {}),
    ...changes,
    publisher,
    receivedAtMs,
  });
}
