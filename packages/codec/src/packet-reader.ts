import { malformed, violation } from './protocol-error.ts';
import { decodeUtf8 } from './utf8.ts';
import { readVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts';

const shortBytesMax = 64;

/** Reads the fields of one packet in order; a field that does not fit makes the packet malformed. Copies what it returns. */
export class PacketReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)];
  }

  uint16(): number {
    const at = this.#take(2);
    return (this.#bytes[at] << 8) | this.#bytes[at + 1];
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  variableByteInteger(): number {
    const value = readVariableByteInteger(this.#bytes, this.#at, this.#end);
    this.#at += variableByteIntegerSize(value);
    return value;
  }

  /** Two bytes of length, then UTF-8. */
  string(): string {
    const length = this.uint16();
    const at = this.#take(length);
    return decodeUtf8(this.#bytes, at, at + length);
  }

  /** Two bytes of length, then the bytes. */
  binary(): Uint8Array {
    return this.#copy(this.uint16());
  }

  packetId(): number {
    const packetId = this.uint16();
    if (packetId === 0) throw violation('MQTT-2.2.1-3', 'packet identifier 0'); // [MQTT-2.2.1-3] [MQTT311-2.3.1-1]
    return packetId;
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.#copy(this.#end - this.#at);
  }

  /** A reader for the next `length` bytes, which this one skips. */
  part(length: number): PacketReader {
    const at = this.#take(length);
    return new PacketReader(this.#bytes, at, at + length);
  }

  /** Nothing may follow the last field. */
  finish(section: string): void {
    if (this.#at !== this.#end) throw malformed(section, `${this.#end - this.#at} bytes after the end of the packet`);
  }

  #copy(length: number): Uint8Array {
    const at = this.#take(length);
    const copy = new Uint8Array(length);
    // A view costs more than a short loop.
    if (length > shortBytesMax) copy.set(this.#bytes.subarray(at, at + length));
    else for (let index = 0; index < length; index++) copy[index] = this.#bytes[at + index];
    return copy;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw malformed('2.1.4', 'a field reaches over the end of its packet');
    this.#at = at + length;
    return at;
  }
}
