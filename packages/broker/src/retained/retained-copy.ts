import { createMessage, type Message, NEVER } from '#message/message.ts';
import { EXPIRES_NEVER, type RetainedSettings } from './retained-settings.ts';

/** What is retained of a message: the message itself, or a copy with the Message Expiry Interval that the settings want. */
export function retainedCopy(message: Message, { expiryDefaultSeconds, expiryOverrideSeconds }: RetainedSettings): Message {
  const isEternal = message.expiresAtMs === NEVER;
  const interval = expiryOverrideSeconds ?? (isEternal ? expiryDefaultSeconds : null);
  if (interval === null || (interval === EXPIRES_NEVER && isEternal)) return message;
  const { messageExpiryInterval: _, ...properties } = message.properties;
  const { topic, payload, qos, retain, publisher, receivedAtMs } = message;
  const expiry = interval === EXPIRES_NEVER ? {} : { messageExpiryInterval: interval };
  return createMessage({ topic, payload, qos, retain, publisher, receivedAtMs, properties: { ...properties, ...expiry } });
}

/** The message with two more user properties: `retained-at` (UTC) and `retained-by` (client identifier). Receivers of MQTT 3 see none. */
export function withAuthor(message: Message): Message {
  const { topic, payload, qos, retain, publisher, receivedAtMs, properties } = message;
  const told: [string, string][] = [
    ['retained-at', new Date(receivedAtMs).toISOString()],
    ['retained-by', publisher],
  ];
  const userProperties = [...(properties.userProperties ?? []), ...told];
  return createMessage({ topic, payload, qos, retain, publisher, receivedAtMs, properties: { ...properties, userProperties } });
}
