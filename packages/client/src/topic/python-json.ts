import type { PayloadCodec } from './payload-codec.ts';
import { text } from './payload-codecs.ts';

export interface PythonJsonOptions {
  /** Gives integers that a number cannot hold exactly as BigInt. Default false: they are rounded. */
  readonly bigIntegers?: boolean;
}

/**
 * JSON byte for byte as Python's `json.dumps` writes it (ASCII, `", "` and `": "`), and as `json.loads` reads it: with NaN and Infinity,
 * which other readers of JSON refuse. `undefined` is null, BigInt an integer. Throws TypeError for functions and symbols, RangeError for
 * objects that hold themselves; SyntaxError for what is no JSON.
 *
 *     const exact = createPythonJson({ bigIntegers: true });
 *     console.log(exact.decode(exact.encode({ id: 2n ** 60n })));
 */
export function createPythonJson({ bigIntegers = false }: PythonJsonOptions = {}): PayloadCodec {
  return codecOf(bigIntegers ? isLarge : undefined);
}

/**
 * `createPythonJson()`: what RPC on mqttxx's wire and events have unless told otherwise.
 *
 *     console.log(new TextDecoder().decode(pythonJson.encode({ ä: [1, NaN] }))); // {"\u00e4": [1, NaN]}
 */
export const pythonJson: PayloadCodec = /* @__PURE__ */ codecOf(undefined);

/** `isKept`: which integers are given as BigInt. */
function codecOf(isKept: ((integer: string) => boolean) | undefined): PayloadCodec {
  return {
    contentType: 'application/json',
    utf8: true,
    encode: (value) => text.encode(dump(value)),
    decode: (payload) => load(text.decode(payload), isKept),
  };
}

function dump(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return dumpString(value);
    case 'number':
      return dumpNumber(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'null';
    case 'object':
      return value === null ? 'null' : dumpObject(value);
    case 'function':
    case 'symbol':
      throw new TypeError(`a ${typeof value} cannot be written as JSON`);
  }
}

function dumpObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(dump).join(', ')}]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return dump(value.toJSON());
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries.map(([key, item]) => `${dumpString(key)}: ${dump(item)}`).join(', ')}}`;
}

function dumpString(value: string): string {
  return JSON.stringify(value).replaceAll(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Both write the fewest digits that tell a number from its neighbours; Python turns to exponents earlier, and gives them two digits. */
function dumpNumber(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const digits = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return digits.replace(/e-(\d)$/, 'e-0$1');
}

function load(source: string, isKept: ((integer: string) => boolean) | undefined): unknown {
  if (isKept === undefined) {
    try {
      return JSON.parse(source) as unknown;
    } catch (error) {
      if (!/NaN|Infinity/.test(source)) throw error;
    }
  }
  return loadWithMarks(source, isKept);
}

/** Strings, and what stands for numbers. A string may lack its end, so that a text without an end is gone through once. */
const token = /"[^"\\]*(?:\\[^][^"\\]*)*"?|-?Infinity|NaN|-?\d[\d.eE+-]*/g;

/** What JSON.parse does not understand, or rounds, goes through it as a string behind a mark that nobody can guess. */
function loadWithMarks(source: string, isKept: ((integer: string) => boolean) | undefined): unknown {
  const mark = Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join('-');
  const marked = source.replaceAll(token, (found) => {
    const isSpecial = /[NI]/.test(found[found.startsWith('-') ? 1 : 0]);
    return isSpecial || isKept?.(found) ? `"${mark}${found}"` : found;
  });
  return JSON.parse(marked, (key, value: unknown) => {
    if (key.startsWith(mark)) throw new SyntaxError(`${key.slice(mark.length)} cannot be a key`);
    if (typeof value !== 'string' || !value.startsWith(mark)) return value;
    const found = value.slice(mark.length);
    return /[NI]/.test(found) ? Number(found) : BigInt(found);
  }) as unknown;
}

function isLarge(number: string): boolean {
  return /^-?\d{16,}$/.test(number) && !Number.isSafeInteger(Number(number));
}
