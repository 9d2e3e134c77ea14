// HOT

/** Most bytes of a number. */
export const VARINT_BYTES_MAX = 8;

/** Writes a whole number from 0 to 2^53, seven bits a byte, the lowest first; returns where it ends. */
export function writeVarint(into: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest > 0x7fff_ffff) {
    into[end++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    into[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[end++] = rest;
  return end;
}

/** Small numbers of either sign as small numbers. */
export function foldSign(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unfoldSign(folded: number): number {
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

/** Reads numbers one after another. */
export class VarintReader {
  bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  next(): number {
    const { bytes } = this;
    let byte = bytes[this.at++];
    let value = byte & 0x7f;
    for (let factor = 128; byte > 0x7f; factor *= 128) {
      byte = bytes[this.at++];
      value += (byte & 0x7f) * factor;
    }
    return value;
  }
}
