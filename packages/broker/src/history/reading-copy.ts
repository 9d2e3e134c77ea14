import { encodePublishProperties } from '@wrenmq/codec';
import { BodyKind, createMessage, Message, type QoS } from '#message/message.ts';
import { HISTORY_END_TOPIC } from '#topic/history-filter.ts';
import type { HistoryEntry } from './message-history.ts';

/**
 * The message with user properties that tell its place: `history-offset`, `history-time` (when it was received, UTC), and `history-missed`
 * when that many are missing before it. Receivers of MQTT 3 see none.
 */
export function withPlace({ message, offset }: HistoryEntry, missed: number): Message {
  const userProperties: [string, string][] = [
    ['history-offset', String(offset)],
    ['history-time', new Date(message.receivedAtMs).toISOString()],
  ];
  if (missed > 0) userProperties.push(['history-missed', String(missed)]);
  const { bytes, topicStart, topicEnd, propertiesStart, propertiesEnd, payloadStart, payloadEnd, messageExpiryAt } = message;
  const parts = [
    bytes.subarray(topicStart, topicEnd),
    bytes.subarray(propertiesStart, propertiesEnd),
    encodePublishProperties({ userProperties }),
    bytes.subarray(payloadStart, payloadEnd),
  ];
  const own = Buffer.concat(parts);
  const topicBytes = parts[0].length;
  const payloadAt = own.length - parts[3].length;
  const slices = {
    topicStart: 0,
    topicEnd: topicBytes,
    propertiesStart: topicBytes,
    propertiesEnd: payloadAt,
    payloadStart: payloadAt,
    payloadEnd: own.length,
    messageExpiryAt: messageExpiryAt < 0 ? -1 : topicBytes + messageExpiryAt - propertiesStart,
  };
  const { topic, qos, retain, expiresAtMs, receivedAtMs, publisher } = message;
  const told = new Message(topic, own, slices, { qos, retain, expiresAtMs, receivedAtMs, publisher, bodyKind: BodyKind.None });
  told.isHeld = true;
  return told;
}

/** What a reading comes to. */
export interface ReadingEnd {
  /** As the client sent it. */
  readonly filter: string;
  readonly messages: number;
  /** Where `offset:` goes on. */
  readonly next: number;
}

/** The message that ends a reading. */
export function endMark(end: ReadingEnd, qos: QoS, receivedAtMs: number): Message {
  const properties = { payloadFormatIndicator: 1, contentType: 'application/json', userProperties: [['history-end', end.filter]] } as const;
  return createMessage({
    topic: HISTORY_END_TOPIC,
    payload: JSON.stringify({ filter: end.filter, messages: end.messages, next: end.next }),
    qos,
    properties: { ...properties, userProperties: [['history-end', end.filter]] },
    publisher: '$history',
    receivedAtMs,
  });
}
