/** What JSON.parse tells a reviver since ES2026, and JSON.rawJSON; TypeScript does not know them yet. */
interface ExactJson {
  parse(text: string, reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

const exact = JSON as unknown as ExactJson;
/** Numbers that a double, or its shortest notation, would change. */
const CHANGED = /\d{16}|\.\d|\d[eE]/;

/** Parses JSON so that numbers come out again as they were written. Throws a SyntaxError. */
export function parseExact(text: string): unknown {
  if (!CHANGED.test(text)) return JSON.parse(text);
  return exact.parse(text, (_name, value, { source }) =>
    typeof value === 'number' && source !== undefined ? exact.rawJSON(source) : value,
  );
}

/** JSON on several lines as mosquitto_sub --pretty prints it: tabs, and arrays on one line. */
export function printPretty(value: unknown, depth = 0): string {
  if (value === null || typeof value !== 'object' || exact.isRawJSON(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => printPretty(item, depth + 1)).join(', ')}]`;
  const indent = '\t'.repeat(depth);
  const entries = Object.entries(value).map(([name, item]) => `${indent}\t${JSON.stringify(name)}:\t${printPretty(item, depth + 1)}`);
  return entries.length === 0 ? `{\n${indent}}` : `{\n${entries.join(',\n')}\n${indent}}`;
}

/** Parses JSON for encodings that have large integers. Throws a SyntaxError. */
export function parseWithBigInts(text: string): unknown {
  if (!CHANGED.test(text)) return JSON.parse(text);
  return exact.parse(text, (_name, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value,
  );
}

/** JSON of what has no notation of its own there: large integers with all digits, bytes in base64, maps as objects. */
export function stringifyAnything(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) => {
    if (typeof each === 'bigint') return exact.rawJSON(String(each));
    if (each instanceof Uint8Array) return Buffer.from(each).toString('base64');
    if (each instanceof Map) return Object.fromEntries([...each].map(([name, item]) => [nameOf(name), item]));
    if (each instanceof Set) return [...each];
    return each === undefined ? null : each;
  });
}

function nameOf(key: unknown): string {
  return typeof key === 'string' ? key : stringifyAnything(key);
}
