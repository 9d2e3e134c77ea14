import { dataTypes } from './sparkplug-schema.ts';

/** A value as its data type has it: what is written is unsigned, and arrays are bytes. Without a type it is what was written. */
export function sparkplugValue(value: unknown, datatype: number | undefined): unknown {
  const type = dataTypes[datatype ?? 0];
  if (typeof value === 'number' && SIGNED_BITS[type] <= 32) return (value << (32 - SIGNED_BITS[type])) >> (32 - SIGNED_BITS[type]);
  if (typeof value === 'bigint' && SIGNED_BITS[type] !== undefined) return BigInt.asIntN(SIGNED_BITS[type], value);
  if (value instanceof Uint8Array && ARRAYS[type] !== undefined)
    return ARRAYS[type](new DataView(value.buffer, value.byteOffset, value.byteLength));
  return value;
}

const SIGNED_BITS: Readonly<Record<string, number>> = { Int8: 8, Int16: 16, Int32: 32, Int64: 64 };

/** Sparkplug 3.0, 6.4.17: items one after the other, little-endian. */
const ARRAYS: Readonly<Record<string, (view: DataView) => readonly unknown[]>> = {
  Int8Array: items(1, (view, at) => view.getInt8(at)),
  Int16Array: items(2, (view, at) => view.getInt16(at, true)),
  Int32Array: items(4, (view, at) => view.getInt32(at, true)),
  Int64Array: items(8, (view, at) => view.getBigInt64(at, true)),
  UInt8Array: items(1, (view, at) => view.getUint8(at)),
  UInt16Array: items(2, (view, at) => view.getUint16(at, true)),
  UInt32Array: items(4, (view, at) => view.getUint32(at, true)),
  UInt64Array: items(8, (view, at) => view.getBigUint64(at, true)),
  FloatArray: items(4, (view, at) => shortFloat(view.getFloat32(at, true))),
  DoubleArray: items(8, (view, at) => jsonNumber(view.getFloat64(at, true))),
  BooleanArray: booleans,
  StringArray: strings,
  DateTimeArray: items(8, (view, at) => view.getBigUint64(at, true)),
};

function items(bytes: number, read: (view: DataView, at: number) => unknown): (view: DataView) => readonly unknown[] {
  return (view) => {
    if (view.byteLength % bytes !== 0) throw new Error(`an array of items of ${bytes} bytes has ${view.byteLength}`);
    return Array.from({ length: view.byteLength / bytes }, (_, i) => read(view, i * bytes));
  };
}

/** How many there are, in four bytes, and a bit for each, the highest first. */
function booleans(view: DataView): readonly boolean[] {
  const count = view.byteLength < 4 ? Infinity : view.getUint32(0, true);
  if (count > (view.byteLength - 4) * 8) throw new Error('an array of Booleans ends too early');
  return Array.from({ length: count }, (_, i) => ((view.getUint8(4 + (i >> 3)) >> (7 - (i & 7))) & 1) === 1);
}

/** Each ends with a zero byte. */
function strings(view: DataView): readonly string[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(view);
  if (text !== '' && !text.endsWith('\0')) throw new Error('an array of strings does not end with a zero byte');
  return text.split('\0').slice(0, -1);
}

/** The shortest number that is the same in 32 bits: 21.1, not 21.100000381469727. */
export function shortFloat(value: number): number | string {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return jsonNumber(value);
}

/** JSON has no notation for what is not finite. */
export function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
