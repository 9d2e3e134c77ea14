import type { PayloadCodec } from './payload-codec.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Strings as UTF-8. */
export const text: PayloadCodec<string> = {
  contentType: 'text/plain',
  utf8: true,
  encode: (value) => encoder.encode(value),
  decode: (payload) => decoder.decode(payload),
};

/** Any value that JSON has; `undefined` travels as null. */
export const json: PayloadCodec = {
  contentType: 'application/json',
  utf8: true,
  encode: (value) => text.encode(JSON.stringify(value) ?? 'null'),
  decode: (payload) => JSON.parse(text.decode(payload)) as unknown,
};

/** Bytes as they are. */
export const bytes: PayloadCodec<Uint8Array> = {
  contentType: 'application/octet-stream',
  utf8: false,
  encode: (value) => value,
  decode: (payload) => payload,
};
