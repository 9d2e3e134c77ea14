/** The few DER encodings that a certificate needs (X.690). */

const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** tag length value */
function derValue(tag: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), derLength(value.length), value]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return derValue(Tag.SEQUENCE, Buffer.concat(parts));
}

export function setOf(part: Uint8Array): Buffer {
  return derValue(Tag.SET, part);
}

/** `[number]` around whole values, or in place of a value's own tag when `isPrimitive`. */
export function contextTag(number: number, value: Uint8Array, isPrimitive = false): Buffer {
  return derValue((isPrimitive ? 0x80 : 0xa0) | number, value);
}

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const needsSign = digits[0] >= 0x80;
  return derValue(Tag.INTEGER, needsSign ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

export function boolean(value: boolean): Buffer {
  return derValue(Tag.BOOLEAN, Buffer.of(value ? 0xff : 0));
}

export function octetString(bytes: Uint8Array): Buffer {
  return derValue(Tag.OCTET_STRING, bytes);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return derValue(Tag.BIT_STRING, Buffer.concat([Buffer.of(unusedBits), bytes]));
}

export function utf8String(text: string): Buffer {
  return derValue(Tag.UTF8_STRING, Buffer.from(text, 'utf8'));
}

/** `2.5.29.17` */
export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  return derValue(Tag.OBJECT_IDENTIFIER, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Seconds precision; the short form until 2049, as RFC 5280 4.1.2.5 demands. */
export function time(wallMs: number): Buffer {
  const digits = new Date(wallMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  const isShort = digits < '2050';
  return derValue(isShort ? Tag.UTC_TIME : Tag.GENERALIZED_TIME, Buffer.from(isShort ? digits.slice(2) : digits, 'latin1'));
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  if (length < 0x100) return Buffer.of(0x81, length);
  return Buffer.of(0x82, length >> 8, length & 0xff);
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}
