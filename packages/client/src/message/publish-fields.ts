import type { PublishProperties } from '@wrenmq/codec';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { text } from '#topic/payload-codecs.ts';
import type { Payload, PublishOptions } from './message.ts';

/** One object for all strings without options, so that who encodes it may remember it. */
const utf8Only: PublishProperties = Object.freeze({ payloadFormatIndicator: 1 });

export function payloadBytes(payload: Payload): Uint8Array {
  if (typeof payload === 'string') return text.encode(payload);
  return payload instanceof ArrayBuffer ? new Uint8Array(payload) : payload;
}

/** The properties of a PUBLISH, undefined when there are none. The expiry is left out: it shrinks while a message waits. */
export function publishProperties(isUtf8: boolean, options: PublishOptions, codec?: PayloadCodec): PublishProperties | undefined {
  const { contentType = codec?.contentType, responseTopic, correlationData, userProperties } = options;
  const isPlain = contentType === undefined && responseTopic === undefined && correlationData === undefined && userProperties === undefined;
  if (isPlain) return isUtf8 ? utf8Only : undefined;
  return {
    ...(isUtf8 && utf8Only),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData }),
    ...(userProperties !== undefined && { userProperties }),
  };
}
