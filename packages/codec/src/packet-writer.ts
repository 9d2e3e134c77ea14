import { malformed, violation } from './protocol-error.ts';
import { encodeUtf8 } from './utf8.ts';
import { variableByteIntegerMax, variableByteIntegerSize, writeVariableByteInteger } from './variable-byte-integer.ts';

/** First byte and four bytes of length: what stands free before the body until the length is known. */
const headerBytesMax = 5;

/** Up to this length a loop is faster than a call into the encoder. */
const shortTextMax = 64;

/** Writes the fields of one packet in order into a buffer that grows. What cannot travel in MQTT throws a ProtocolError. */
export class PacketWriter {
  #bytes: Uint8Array;
  #at = headerBytesMax;

  /** `bytesExpected` spares copies when it is at least the size of the body. */
  constructor(bytesExpected = 64) {
    this.#bytes = new Uint8Array(headerBytesMax + bytesExpected);
  }

  uint8(value: number): void {
    this.#integer(value, 0xff, 1);
    this.#bytes[this.#at++] = value;
  }

  uint16(value: number): void {
    this.#integer(value, 0xffff, 2);
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  uint32(value: number): void {
    this.#integer(value, 0xffffffff, 4);
    for (let shift = 24; shift >= 0; shift -= 8) this.#bytes[this.#at++] = value >>> shift;
  }

  variableByteInteger(value: number): void {
    this.#integer(value, variableByteIntegerMax, 4);
    this.#at = writeVariableByteInteger(this.#bytes, this.#at, value);
  }

  string(text: string): void {
    if (!this.#shortAscii(text)) this.binary(encodeUtf8(text)); // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
  }

  binary(bytes: Uint8Array): void {
    // [MQTT-4.7.3-3] [MQTT311-4.7.3-3]
    if (bytes.length > 0xffff) throw malformed('1.5.6', `a field of ${bytes.length} bytes, where 65535 are allowed`);
    this.uint16(bytes.length);
    this.rest(bytes);
  }

  packetId(value: number): void {
    if (value === 0) throw violation('MQTT-2.2.1-3', 'packet identifier 0'); // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT311-2.3.1-1]
    this.uint16(value);
  }

  /** Bytes without a length. */
  rest(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The body alone. */
  content(): Uint8Array {
    return this.#bytes.subarray(headerBytesMax, this.#at);
  }

  /** The packet: `first`, the length of the body, the body. */
  packet(first: number): Uint8Array {
    const length = this.#at - headerBytesMax;
    if (length > variableByteIntegerMax) throw malformed('2.1.4', `a packet body of ${length} bytes`);
    const start = headerBytesMax - 1 - variableByteIntegerSize(length);
    this.#bytes[start] = first;
    writeVariableByteInteger(this.#bytes, start + 1, length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Writes a string as most are, short and of ASCII alone, without an object between; false when it is another. */
  #shortAscii(text: string): boolean {
    const length = text.length;
    if (length > shortTextMax) return false;
    this.#reserve(2 + length);
    const start = this.#at + 2;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code === 0 || code > 0x7f) return false;
      this.#bytes[start + index] = code;
    }
    this.uint16(length);
    this.#at = start + length;
    return true;
  }

  #integer(value: number, max: number, bytes: number): void {
    if (!Number.isInteger(value) || value < 0 || value > max) throw malformed('1.5', `${value} is not an integer from 0 to ${max}`);
    this.#reserve(bytes);
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}
