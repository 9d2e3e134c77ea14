// HOT
import { malformed } from './protocol-error.ts';

// Without ignoreBOM a leading U+FEFF would be dropped. [MQTT-1.5.4-3] [MQTT311-1.5.3-3]
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Up to this length a loop is faster than a call into the decoder. */
const shortBytesMax = 16;

/**
 * Well-formed UTF-8 without U+0000. Control characters and non-characters pass: the standard advises against them
 * (SHOULD NOT) without forbidding them. Must not allocate or throw.
 */
export function isValidUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const lead = bytes[at++];
    if (lead < 0x80) {
      if (lead === 0) return false; // [MQTT-1.5.4-2] [MQTT-4.7.3-2] [MQTT311-1.5.3-2] [MQTT311-4.7.3-2]
      continue;
    }
    // The second byte's range excludes overlong forms, surrogates and values above U+10FFFF. [MQTT-1.5.4-1] [MQTT311-1.5.3-1]
    let more = 1;
    let low = 0x80;
    let high = 0xbf;
    if (lead < 0xc2 || lead > 0xf4) return false;
    if (lead >= 0xf0) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      else if (lead === 0xf4) high = 0x8f;
    } else if (lead >= 0xe0) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      else if (lead === 0xed) high = 0x9f;
    }
    if (at + more > end) return false;
    const second = bytes[at++];
    if (second < low || second > high) return false;
    for (; more > 1; more--) if ((bytes[at++] & 0xc0) !== 0x80) return false;
  }
  return true;
}

/** The string of `bytes[start..end)`; throws a ProtocolError where `isValidUtf8` says no. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= shortBytesMax) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte === 0 || byte > 0x7f) break;
      text += String.fromCharCode(byte);
    }
    if (at === end) return text;
  }
  if (!isValidUtf8(bytes, start, end)) throw malformed('MQTT-1.5.4-1', 'a string is not valid UTF-8'); // [MQTT-1.5.4-1] [MQTT311-1.5.3-1]
  return decoder.decode(bytes.subarray(start, end));
}

/** The UTF-8 bytes of a string that may travel in a packet; throws a ProtocolError for lone surrogates and U+0000. */
export function encodeUtf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw malformed('MQTT-1.5.4-1', 'a string holds a lone surrogate'); // [MQTT-1.5.4-1] [MQTT311-1.5.3-1]
  if (text.includes('\0')) throw malformed('MQTT-1.5.4-2', 'a string holds U+0000'); // [MQTT-1.5.4-2] [MQTT311-1.5.3-2]
  return encoder.encode(text);
}
