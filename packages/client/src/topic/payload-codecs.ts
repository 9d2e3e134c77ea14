import type { PayloadCodec } from './payload-codec.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Strings as UTF-8, `text/plain`. What is no UTF-8 is read with U+FFFD in its place.
 *
 *     const log = defineTopic('logs/{host}', { codec: text });
 *     await client.publish(log({ host: 'web-1' }), 'started');
 */
export const text: PayloadCodec<string> = {
  contentType: 'text/plain',
  utf8: true,
  encode: (value) => encoder.encode(value),
  decode: (payload) => decoder.decode(payload),
};

/**
 * Any value that JSON has, `application/json`; `undefined` travels as null. What a typed topic has unless told otherwise. `publish` rejects with
 * TypeError what JSON cannot hold; what cannot be read is VALIDATION, told as `onError` of `handle` says.
 *
 *     const state = defineTopic('state/{device}', { codec: json, retain: true });
 *     await client.publish(state({ device: 'pump-1' }), { on: true });
 */
export const json: PayloadCodec = {
  contentType: 'application/json',
  utf8: true,
  encode: (value) => text.encode(JSON.stringify(value) ?? 'null'),
  decode: (payload) => JSON.parse(text.decode(payload)) as unknown,
};

/**
 * Bytes as they are, `application/octet-stream`.
 *
 *     const image = defineTopic('images/{camera}', { codec: bytes });
 *     await client.publish(image({ camera: 'gate' }), Uint8Array.of(0xff, 0xd8));
 */
export const bytes: PayloadCodec<Uint8Array> = {
  contentType: 'application/octet-stream',
  utf8: false,
  encode: (value) => value,
  decode: (payload) => payload,
};
