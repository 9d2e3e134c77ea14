import { isUtf8 } from 'node:buffer';
import { CommandError, ExitCode } from '#exit-code.ts';
import { parseExact, stringifyAnything } from '#output/exact-json.ts';
import type { Printable } from '#output/printable.ts';
import { isSparkplugTopic } from './sparkplug-topic.ts';

/** Makes text of a payload. Throws an Error when the payload is not what it is said to be. */
type Decoder = (payload: Uint8Array, message: Printable) => string;

/** By the name that --decode has for it; a library is loaded only when it is asked for. */
const DECODERS: Readonly<Record<string, () => Promise<Decoder>>> = {
  json: async () => (payload) => JSON.stringify(parseExact(Buffer.from(payload).toString('utf8'))),
  hex: async () => (payload) => Buffer.from(payload).toString('hex'),
  cbor: async () => {
    const { decode } = await import('cbor2');
    return (payload) => stringifyAnything(decode(plainBytes(payload)));
  },
  msgpack: async () => {
    const { decode } = await import('@msgpack/msgpack');
    return (payload) => stringifyAnything(decode(plainBytes(payload), { useBigInt64: true }));
  },
  sparkplug: async () => {
    const { sparkplugDecoder } = await import('./decode-sparkplug.ts');
    const decode = sparkplugDecoder();
    return (_payload, message) => decode(message);
  },
};

export const DECODINGS: readonly string[] = ['auto', ...Object.keys(DECODERS)];

/** What the content type says; the rest is text where it can be, and hexadecimal where it cannot. */
const CONTENT_TYPES: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^application\/([\w.-]+\+)?cbor\b/i, 'cbor'],
  [/^application\/(x-|vnd\.)?(msgpack|messagepack)\b/i, 'msgpack'],
  [/^application\/([\w.-]+\+)?json\b/i, 'json'],
];

/** What --decode asks for: the payload as text. */
export async function payloadDecoder(name: string): Promise<(message: Printable) => string> {
  if (name === 'auto') return autoDecoder();
  if (!Object.hasOwn(DECODERS, name)) throw new CommandError(`wrenmq: --decode ${name}: there are ${DECODINGS.join(', ')}`, ExitCode.Usage);
  const decode = await DECODERS[name]();
  return (message) => decode(message.payload, message);
}

async function autoDecoder(): Promise<(message: Printable) => string> {
  const entries = Object.entries(DECODERS).map(async ([name, load]) => [name, await load()] as const);
  const decoders = Object.fromEntries(await Promise.all(entries));
  return (message) => {
    const { payload } = message;
    const name = nameOf(message);
    if (name !== undefined) return decoders[name](payload, message);
    return isUtf8(payload) ? Buffer.from(payload).toString('utf8') : decoders['hex'](payload, message);
  };
}

/** What the content type declares, or the topic. */
function nameOf({ contentType, topic }: Printable): string | undefined {
  const declared = contentType === undefined ? undefined : CONTENT_TYPES.find(([pattern]) => pattern.test(contentType))?.[1];
  return declared ?? (isSparkplugTopic(topic) ? 'sparkplug' : undefined);
}

/** Libraries hand parts of a Buffer on as Buffers, which JSON has a notation of its own for. */
function plainBytes(payload: Uint8Array): Uint8Array {
  return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
}
