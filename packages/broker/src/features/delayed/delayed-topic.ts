import { ABSOLUTE_DELAY, BodyKind, Message, NO_DELAY } from '#message/message.ts';

const PREFIX = '$delayed/';
const DOLLAR = 0x24;
/** At most ten digits: seconds since 1970 fit into them for 250 years. */
const form = /^\$delayed\/(\d{1,10})\/([^+#]+)$/s;
/** What is a prefix for subscribers, or another delay, is no topic that a message could be meant for. */
const prefixes = /^\$(?:delayed|share|queue|exclusive|history(?:-live)?)(?:\/|$)/;

/** Whether a topic asks for a delay, in whatever form. Asked for every message. */
export function isDelayedTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR && topic.startsWith(PREFIX);
}

/**
 * The message under its real topic, with its delay, in the same buffer. Null when the interval is none or too far away (more
 * than 42,949,670 s either way), when the rest is no topic that messages are published to, or when it has a delay already.
 */
export function withoutPrefix(message: Message, nowMs: number): Message | null {
  const [, digits, topic] = form.exec(message.topic) ?? [];
  if (digits === undefined || topic === undefined || prefixes.test(topic) || message.delay !== NO_DELAY) return null;
  const delay = Number(digits);
  if (delay >= ABSOLUTE_DELAY && Math.abs(delay * 1000 - nowMs) > ABSOLUTE_DELAY * 1000) return null;
  const { topicStart, topicEnd, propertiesStart, propertiesEnd, payloadStart, payloadEnd, messageExpiryAt } = message;
  const slices = {
    // The prefix is ASCII: a character is a byte.
    topicStart: topicStart + message.topic.length - topic.length,
    topicEnd,
    propertiesStart,
    propertiesEnd,
    payloadStart,
    payloadEnd,
    messageExpiryAt,
  };
  const { qos, retain, expiresAtMs, receivedAtMs, publisher } = message;
  const own = new Message(topic, message.bytes, slices, { qos, retain, expiresAtMs, receivedAtMs, publisher, bodyKind: BodyKind.None });
  own.isHeld = message.isHeld;
  own.delay = delay;
  return own;
}

/** Wall clock, milliseconds, at which a message that is taken at `nowMs` is due. */
export function dueAtMs(delay: number, nowMs: number): number {
  return delay < ABSOLUTE_DELAY ? nowMs + delay * 1000 : delay * 1000;
}
