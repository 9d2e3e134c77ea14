import { createMessage, type Message } from '#message/message.ts';

/** Who publishes dead letters. */
const DEAD_LETTER_PUBLISHER = 'shared-subscriptions';

export interface DeadLetterFacts {
  readonly group: string;
  /** How many deliveries came to nothing. */
  readonly failures: number;
  readonly nowMs: number;
}

/** What goes to the dead-letter topic for a message: the same, which does not expire, and why it is there. */
export function deadLetterOf(message: Message, topic: string, { group, failures, nowMs }: DeadLetterFacts): Message {
  const { messageExpiryInterval: _, ...properties } = message.properties;
  return createMessage({
    topic,
    payload: message.payload,
    qos: message.qos,
    properties: {
      ...properties,
      userProperties: [
        ...(properties.userProperties ?? []),
        ['dead-letter-reason', 'deliveries'],
        ['dead-letter-group', group],
        ['dead-letter-topic', message.topic],
        ['dead-letter-deliveries', String(failures)],
      ],
    },
    publisher: DEAD_LETTER_PUBLISHER,
    receivedAtMs: nowMs,
  });
}
