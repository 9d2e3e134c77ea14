import type { PayloadCodec } from '#topic/payload-codec.ts';
import { pythonJson } from '#topic/python-json.ts';

/** What a manager uses in place of JSON: MessagePack, for example. Gets and gives plain objects. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(payload: Uint8Array): unknown;
}

/**
 * JSON as Python's json.dumps writes it. Takes plain objects, and objects with `toDict()`; throws TypeError for everything else.
 *
 *     const payload = JSONCodec.encode(new EventMessage({ eventType: 'started' }));
 *     console.log(JSONCodec.decode(payload));
 */
export const JSONCodec: Codec = {
  encode(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`cannot encode ${typeof value}`);
    return pythonJson.encode('toDict' in value && typeof value.toDict === 'function' ? value.toDict() : value);
  },
  decode: (payload) => pythonJson.decode(payload),
};

export function payloadCodec(codec: Codec): PayloadCodec {
  return {
    contentType: 'application/octet-stream',
    utf8: false,
    encode: (value) => codec.encode(value),
    decode: (payload) => codec.decode(payload),
  };
}
