// HOT
import { PacketType, writeAcknowledgement } from '@wrenmq/codec';
import type { AcknowledgementType } from '@wrenmq/codec';

const bytesMin = 512;
const firstBytesMax = 65_536;
const acknowledgementBytesMax = 5;
/** Up to this length a loop is faster than `set`. */
const shortBytesMax = 64;

/** Gathers packets into one growing buffer. */
export class OutputBuffer {
  bytes: Uint8Array = new Uint8Array(0);
  /** The position after what was written. */
  at = 0;
  #expected = bytesMin;

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.at === 0 ? this.#expected : this.bytes.length * 2));
    if (this.at > 0) grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }

  /** Copies bytes for which there is room. */
  copy(source: Uint8Array): void {
    const length = source.length;
    const { bytes } = this;
    let to = this.at;
    this.at = to + length;
    if (length > shortBytesMax) bytes.set(source, to);
    else for (let from = 0; from < length; from++) bytes[to++] = source[from];
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.copy(source);
  }

  acknowledge(type: AcknowledgementType, packetId: number, reasonCode: number): void {
    const first = (type << 4) | (type === PacketType.PUBREL ? 2 : 0);
    this.reserve(acknowledgementBytesMax);
    this.at = writeAcknowledgement(this.bytes, this.at, first, packetId, reasonCode);
  }

  /** What was written, the caller's to keep; undefined when there is nothing. */
  take(): Uint8Array | undefined {
    if (this.at === 0) return undefined;
    const taken = this.bytes.subarray(0, this.at);
    // The next buffer starts with room for as much again.
    this.#expected = Math.min(firstBytesMax, Math.max(bytesMin, this.at + (this.at >> 2)));
    // What is left of a large buffer serves the next packets.
    if (this.bytes.length - this.at >= this.#expected) this.bytes = this.bytes.subarray(this.at);
    else this.bytes = new Uint8Array(0);
    this.at = 0;
    return taken;
  }

  clear(): void {
    this.at = 0;
  }
}
