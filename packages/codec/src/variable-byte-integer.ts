// HOT
import { malformed } from './protocol-error.ts';

/** The largest value that four bytes of seven bits hold. */
export const variableByteIntegerMax = 268_435_455;

/** How many bytes `value` takes, 1 to 4. */
export function variableByteIntegerSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}

/**
 * Writes `value` (0 to `variableByteIntegerMax`) in the fewest bytes; returns the position after it.
 *
 *     { 1 | 7 bits }{0..3} { 0 | 7 bits }      least significant bits first
 */
export function writeVariableByteInteger(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at; // [MQTT-1.5.5-1]
}

/** Reads the integer at `at`. The position after it is `at + variableByteIntegerSize(value)`, as only the shortest form is valid. */
export function readVariableByteInteger(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= end) throw malformed('1.5.5', 'a variable byte integer is cut off');
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte === 0 && shift > 0) throw malformed('MQTT-1.5.5-1', 'a variable byte integer is longer than needed'); // [MQTT-1.5.5-1]
      return value;
    }
  }
  throw malformed('1.5.5', 'a variable byte integer has more than four bytes');
}
