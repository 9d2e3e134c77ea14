// HOT
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import { ProtocolError, malformed } from './protocol-error.ts';
import { ReasonCode } from './reason-code.ts';

/** What a FrameDecoder gives its frames to. */
export interface FrameSink<B extends Uint8Array> {
  /**
   * One whole control packet: `bytes[start]` is its first byte (`first`), `bytes[body..end)` all that follows the fixed
   * header. The bytes are valid only during the call. Returning false stops the decoder until `resume`.
   */
  onFrame(first: number, bytes: B, start: number, body: number, end: number): boolean;
}

/** In which version's form the author of a CONNECT wants its answer: `connectVersionOf`, for who reads CONNECTs. */
export type ReadConnectVersion = (bytes: Uint8Array, body: number, end: number) => ProtocolVersion | undefined;

/** The least that is reserved for a frame of which only a part has come. */
const partBytesMin = 64;

/**
 * Cuts a byte stream into control packets.
 *
 *     first byte | remaining length (variable byte integer) | remaining length bytes
 *
 * Frames that lie whole in the input are handed out where they lie, without a copy. A frame cut across chunks is collected
 * in a buffer that grows with the bytes that have come, never with the length that is only claimed. After an error, its
 * own or the sink's, a decoder is of no further use.
 */
export class FrameDecoder<B extends Uint8Array> {
  /** The largest frame to accept, fixed header included; may be changed between calls. */
  frameBytesMax: number;
  readonly #allocate: (bytes: number) => B;
  readonly #connectVersionOf: ReadConnectVersion | undefined;
  /** A part of one frame, or, after a stop, all input that was not handed out; undefined when there is none. */
  #held: B | undefined = undefined;
  #heldStart = 0;
  #heldEnd = 0;
  #isStopped = false;
  /** Set by `#readHeader`: the bytes of the fixed header and of the whole frame. */
  #headerBytes = 0;
  #frameBytes = 0;

  /** A server gives `connectVersionOf`, which the error about a CONNECT that is too large then carries the result of. */
  constructor(allocate: (bytes: number) => B, frameBytesMax: number, connectVersionOf?: ReadConnectVersion) {
    this.#allocate = allocate;
    this.#connectVersionOf = connectVersionOf;
    this.frameBytesMax = frameBytesMax;
  }

  /** Bytes that were pushed and not yet handed out. */
  get bufferedBytes(): number {
    return this.#heldEnd - this.#heldStart;
  }

  /** True from the sink's false until `resume`. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes `bytes[start..end)` and hands out every frame that is complete. Copies what is left over. */
  push(bytes: B, start: number, end: number, sink: FrameSink<B>): void {
    if (start === end) return;
    if (this.#isStopped) {
      this.#reserve(end - start, Infinity);
      this.#append(bytes, start, end);
      return;
    }
    let at = start;
    if (this.#held !== undefined) at = this.#collect(bytes, start, end, sink);
    if (!this.#isStopped) at = this.#scan(bytes, at, end, sink);
    if (at < end) this.#keep(bytes, at, end);
  }

  /** Goes on after the sink had said false; does nothing otherwise. */
  resume(sink: FrameSink<B>): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    const held = this.#held;
    if (held === undefined) return;
    const end = this.#heldEnd;
    const at = this.#scan(held, this.#heldStart, end, sink);
    if (this.#isStopped && at < end) {
      this.#heldStart = at;
      return;
    }
    this.#release();
    if (at < end) this.#keep(held, at, end);
  }

  /** Hands out whole frames from where they lie; returns the position of the first byte not handed out. */
  #scan(bytes: B, start: number, end: number, sink: FrameSink<B>): number {
    let at = start;
    while (this.#readHeader(bytes, at, end)) {
      const next = at + this.#frameBytes;
      if (next > end) break;
      if (!sink.onFrame(bytes[at], bytes, at, at + this.#headerBytes, next)) {
        this.#isStopped = true;
        return next;
      }
      at = next;
    }
    return at;
  }

  /** Completes the held part of a frame and hands it out; returns the position after the bytes that were taken. */
  #collect(bytes: B, start: number, end: number, sink: FrameSink<B>): number {
    let at = start;
    while (!this.#readHeader(this.#held!, 0, this.#heldEnd)) {
      if (at === end) return at;
      this.#append(bytes, at, at + 1);
      at++;
    }
    const taken = Math.min(this.#frameBytes - this.#heldEnd, end - at);
    this.#reserve(taken, this.#frameBytes);
    this.#append(bytes, at, at + taken);
    if (this.#heldEnd < this.#frameBytes) return at + taken;
    const held = this.#held!;
    this.#release();
    if (!sink.onFrame(held[0], held, 0, this.#headerBytes, this.#frameBytes)) this.#isStopped = true;
    return at + taken;
  }

  /**
   * Reads the fixed header at `at` into `#headerBytes` and `#frameBytes`; false when it is not complete.
   * The remaining length has one to four bytes. [MQTT-1.5.5-1]
   */
  #readHeader(bytes: B, at: number, end: number): boolean {
    let length = 0;
    let position = at + 1;
    for (let shift = 0; ; shift += 7) {
      if (position >= end) return false;
      const byte = bytes[position++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw malformed('MQTT-1.5.5-1', 'the remaining length is longer than needed'); // [MQTT-1.5.5-1]
        break;
      }
      if (shift === 21) throw malformed('2.1.4', 'the remaining length has more than four bytes');
    }
    this.#headerBytes = position - at;
    this.#frameBytes = position - at + length;
    if (this.#frameBytes > this.frameBytesMax) {
      const detail = `a packet of ${this.#frameBytes} bytes, where ${this.frameBytesMax} are allowed`;
      const error = new ProtocolError(ReasonCode.PacketTooLarge, 'MQTT-3.2.2-15', detail); // [MQTT-3.1.2-24] [MQTT-3.2.2-15]
      if (bytes[at] >> 4 === PacketType.CONNECT) error.connectVersion = this.#connectVersionOf?.(bytes, position, end);
      throw error;
    }
    return true;
  }

  /** Copies input that cannot be handed out yet: a part of a frame, or what follows a stop. */
  #keep(bytes: B, start: number, end: number): void {
    const isPart = !this.#isStopped;
    const frameBytes = isPart && this.#readHeader(bytes, start, end) ? this.#frameBytes : Infinity;
    this.#reserve(end - start, isPart ? frameBytes : end - start);
    this.#append(bytes, start, end);
  }

  /** Makes room for `bytes` more: twice what is held, but no more than `limit` in all. */
  #reserve(bytes: number, limit: number): void {
    const held = this.#held;
    if (held !== undefined && this.#heldEnd + bytes <= held.length) return;
    const kept = this.bufferedBytes;
    const grown = this.#allocate(Math.min(limit, Math.max(partBytesMin, kept * 2, kept + bytes)));
    if (held !== undefined) grown.set(held.subarray(this.#heldStart, this.#heldEnd));
    this.#held = grown;
    this.#heldStart = 0;
    this.#heldEnd = kept;
  }

  #append(bytes: B, start: number, end: number): void {
    const held = this.#held!;
    if (end - start > partBytesMin) held.set(bytes.subarray(start, end), this.#heldEnd);
    else for (let from = start, to = this.#heldEnd; from < end;) held[to++] = bytes[from++];
    this.#heldEnd += end - start;
  }

  #release(): void {
    this.#held = undefined;
    this.#heldStart = 0;
    this.#heldEnd = 0;
  }
}
