import { CommandError, ExitCode } from '#exit-code.ts';
import { parseWithBigInts } from '#output/exact-json.ts';

/** Makes the bytes that are sent of the bytes that were given. Throws an Error that says what is wrong with them. */
export type PayloadEncoder = (given: Buffer) => Uint8Array;

/** By the name that --encode has for it; a library is loaded only when it is asked for. */
const ENCODERS: Readonly<Record<string, () => Promise<PayloadEncoder>>> = {
  json: async () => (given) => {
    JSON.parse(given.toString('utf8'));
    return given;
  },
  hex: async () => (given) => fromDigits(given, 'hex', /^([0-9a-f]{2})*$/i),
  base64: async () => (given) => fromDigits(given, 'base64', /^([a-z0-9+/]{4})*([a-z0-9+/]{2}(==)?|[a-z0-9+/]{3}=?)?$/i),
  cbor: async () => {
    const { encode } = await import('cbor2');
    return (given) => encode(parseWithBigInts(given.toString('utf8')));
  },
  msgpack: async () => {
    const { encode } = await import('@msgpack/msgpack');
    return (given) => encode(parseWithBigInts(given.toString('utf8')), { useBigInt64: true });
  },
};

export const ENCODINGS: readonly string[] = Object.keys(ENCODERS);

/** What --encode asks for; without it, payloads are sent as they are given. */
export async function payloadEncoder(name: string | undefined): Promise<PayloadEncoder | undefined> {
  if (name === undefined) return undefined;
  if (!Object.hasOwn(ENCODERS, name)) throw new CommandError(`wrenmq: --encode ${name}: there are ${ENCODINGS.join(', ')}`, ExitCode.Usage);
  const encode = await ENCODERS[name]();
  return (given) => {
    try {
      return encode(given);
    } catch (error) {
      throw new CommandError(`wrenmq: --encode ${name}: ${(error as Error).message}`, ExitCode.Usage);
    }
  };
}

/** White space may stand anywhere: dumps come in lines and groups. */
function fromDigits(given: Buffer, notation: 'hex' | 'base64', pattern: RegExp): Buffer {
  const digits = given.toString('utf8').replaceAll(/\s+/g, '');
  if (!pattern.test(digits)) throw new Error(`the payload is not ${notation}`);
  return Buffer.from(digits, notation);
}
