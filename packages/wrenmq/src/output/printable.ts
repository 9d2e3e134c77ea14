import type { Message } from '@wrenmq/client';

/** A message with what the client's own messages do not tell. */
export interface Printable extends Pick<
  Message,
  | 'topic'
  | 'payload'
  | 'qos'
  | 'retain'
  | 'dup'
  | 'packetId'
  | 'payloadFormatIndicator'
  | 'contentType'
  | 'responseTopic'
  | 'correlationData'
  | 'userProperties'
  | 'expiry'
> {
  readonly subscriptionIdentifier?: number | undefined;
  /** Of the payload on the wire, where another one is printed. */
  readonly payloadBytes?: number | undefined;
}

/** A copy with other values: the client's messages answer by getters, which can be neither spread nor inherited. */
export function changed(message: Printable, values: Partial<Printable>): Printable {
  const { topic, payload, qos, retain, dup, packetId, userProperties, payloadFormatIndicator, contentType } = message;
  const { responseTopic, correlationData, expiry, subscriptionIdentifier, payloadBytes } = message;
  const head = { topic, payload, qos, retain, dup, packetId, userProperties, payloadFormatIndicator, contentType };
  return { ...head, responseTopic, correlationData, expiry, subscriptionIdentifier, payloadBytes, ...values };
}
