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
}
