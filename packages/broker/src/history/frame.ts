// HOT
import { crc32 } from 'node:zlib';

/**
 * The history's format, version 1. Integers are little-endian, varints have seven bits a byte, the lowest first.
 *
 *   frame  = checksum u32 | magic u32 | bytes u32 | count u32 | firstOrdinal u32 | flushedBytes u32
 *          | firstOffset f64 | firstTimeMs f64 | missed f64 | lastLogOffset f64 | records | 0..7 zeros
 *   record = flags u8 | [offset's step - 1, missed's step] | time's step, sign folded | topic | [publisher]
 *          | [expiresAtMs - receivedAtMs, sign folded | messageExpiryAt + 1] | [properties' bytes] | payload's bytes | properties | payload
 *   topic     = its number in the frame from 1 | 0, bytes shared with the new topic before, bytes of the rest, rest
 *   publisher = its number in the frame from 1 | 0, bytes u16, name
 *
 * A frame stands by itself: what is damaged elsewhere does not matter to it. `firstOrdinal` numbers the records of the segment,
 * `missed` counts the messages that were not kept, from the beginning of the history to the frame's first record. `flushedBytes` is how
 * much of the segment was surely on the device when the frame was written. The checksum is seeded with the segment's secret and the place.
 */
export const FRAME_HEADER_BYTES = 56;
export const FRAME_MAGIC = 0x31464857;
export const FRAME_ALIGNMENT = 8;

/** Bits of a record's flags; the lowest two are the QoS. */
export const RecordFlag = { Retain: 4, Properties: 8, Expiry: 16, Steps: 32, SamePublisher: 64 } as const;

export interface FrameHeader {
  /** Without the zeros behind it. */
  readonly bytes: number;
  readonly count: number;
  readonly firstOrdinal: number;
  readonly flushedBytes: number;
  readonly firstOffset: number;
  readonly firstTimeMs: number;
  readonly missed: number;
  readonly lastLogOffset: number;
}

export function alignedFrameBytes(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/** Writes the header at the start of `frame`, which holds exactly one frame; all but the checksum. */
export function writeFrameHeader(frame: Buffer, header: FrameHeader): void {
  frame.writeUInt32LE(FRAME_MAGIC, 4);
  frame.writeUInt32LE(header.bytes, 8);
  frame.writeUInt32LE(header.count, 12);
  frame.writeUInt32LE(header.firstOrdinal, 16);
  frame.writeUInt32LE(header.flushedBytes, 20);
  frame.writeDoubleLE(header.firstOffset, 24);
  frame.writeDoubleLE(header.firstTimeMs, 32);
  frame.writeDoubleLE(header.missed, 40);
  frame.writeDoubleLE(header.lastLogOffset, 48);
}

/** Makes a frame valid for the place at which it is going to stand. */
export function sealFrame(frame: Buffer, seed: number, at: number): void {
  frame.writeUInt32LE(checksumOf(frame, seed, at), 0);
}

/** The frame's header that stands at `at` of `bytes`, unchecked. */
export function readFrameHeader(bytes: Buffer, at: number): FrameHeader {
  return {
    bytes: bytes.readUInt32LE(at + 8),
    count: bytes.readUInt32LE(at + 12),
    firstOrdinal: bytes.readUInt32LE(at + 16),
    flushedBytes: bytes.readUInt32LE(at + 20),
    firstOffset: bytes.readDoubleLE(at + 24),
    firstTimeMs: bytes.readDoubleLE(at + 32),
    missed: bytes.readDoubleLE(at + 40),
    lastLogOffset: bytes.readDoubleLE(at + 48),
  };
}

/** The bytes of the frame that stands at `at` of `bytes`, or 0 when there is none that is whole and sound; `place` is that of `at` in the segment. */
export function soundFrameBytes(bytes: Buffer, at: number, seed: number, place: number): number {
  if (at + FRAME_HEADER_BYTES > bytes.length || bytes.readUInt32LE(at + 4) !== FRAME_MAGIC) return 0;
  const length = bytes.readUInt32LE(at + 8);
  if (length < FRAME_HEADER_BYTES || at + length > bytes.length) return 0;
  return checksumOf(bytes.subarray(at, at + length), seed, place) === bytes.readUInt32LE(at) ? length : 0;
}

function checksumOf(frame: Buffer, seed: number, at: number): number {
  return crc32(frame.subarray(4), (seed ^ Math.imul(at / FRAME_ALIGNMENT, 0x9e3779b1)) >>> 0);
}
