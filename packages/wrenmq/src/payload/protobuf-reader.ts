/** How the value of a field is written. */
export const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, StartGroup: 3, EndGroup: 4, Fixed32: 5 } as const;

const VARINT_BYTES_MAX = 10;
const GROUP_DEPTH_MAX = 32;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), value by value. Throws an Error where bytes are missing or
 * make no sense.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** What comes next: number of the field, and how its value is written. */
  tag(): { readonly field: number; readonly wireType: number } {
    const tag = this.uint32();
    const field = tag >>> 3;
    if (field === 0) throw new Error('a field has the number 0');
    return { field, wireType: tag & 7 };
  }

  uint64(): bigint {
    let value = 0n;
    for (let i = 0; i < VARINT_BYTES_MAX; i += 1) {
      const byte = this.#bytes[this.#take(1)];
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error('a number has more than ten bytes');
  }

  /** The lower 32 bits of what is written, as every reader of Protocol Buffers has it. */
  uint32(): number {
    return Number(BigInt.asUintN(32, this.uint64()));
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  bytes(): Uint8Array {
    const length = Number(this.uint64());
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  string(): string {
    return utf8.decode(this.bytes());
  }

  /** Passes over the value of a field that nobody asks for. */
  skip(field: number, wireType: number, depth = 0): void {
    if (wireType === WireType.Varint) this.uint64();
    else if (wireType === WireType.Fixed64) this.#take(8);
    else if (wireType === WireType.Bytes) this.bytes();
    else if (wireType === WireType.Fixed32) this.#take(4);
    else if (wireType === WireType.StartGroup && depth < GROUP_DEPTH_MAX) this.#skipGroup(field, depth);
    else throw new Error(`field ${field} has the wire type ${wireType}`);
  }

  #skipGroup(group: number, depth: number): void {
    for (;;) {
      const { field, wireType } = this.tag();
      if (wireType !== WireType.EndGroup) this.skip(field, wireType, depth + 1);
      else if (field === group) return;
      else throw new Error(`group ${group} ends as ${field}`);
    }
  }

  #take(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) throw new Error('it ends too early');
    this.#at = start + count;
    return start;
  }
}
