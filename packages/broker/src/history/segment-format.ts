import { crc32 } from 'node:zlib';

/**
 *   segment   = header | frames | index pages | directory | blocks | trailer
 *   header    = checksum u32 | magic u32 | seed u32 | version u16 | shelf's bytes u16 | createdMs f64 | shelf's name of at most 64 bytes, zeros up to 128
 *   block     = at f64 | bytes u32 | firstOrdinal u32 | count u32 | isLost u32 | firstOffset f64 | lastOffset f64 | minTimeMs f64
 *             | maxTimeMs f64 | missed f64
 *   directory = count varint, for each page: its bytes varint, place varint, first topic's bytes varint, first topic   (see index-page.ts)
 *   trailer   = checksum u32 | magic u32 | the numbers of `Trailer` as f64
 *
 * An unsealed segment ends with its frames.
 */
export const SEGMENT_HEADER_BYTES = 128;
const HEADER_MAGIC = 0x31534857;
const TRAILER_MAGIC = 0x31544857;
const VERSION = 1;
const BLOCK_BYTES = 64;
const NAME_AT = 24;

export interface SegmentHeader {
  readonly seed: number;
  readonly shelf: string;
  readonly createdMs: number;
}

/** Consecutive frames that are read together. */
export interface Block {
  at: number;
  bytes: number;
  firstOrdinal: number;
  count: number;
  /** True when the disk refused it: its messages are counted as missed already. */
  isLost: boolean;
  firstOffset: number;
  lastOffset: number;
  minTimeMs: number;
  maxTimeMs: number;
  /** Up to its last record, see `FrameHeader`. */
  missed: number;
}

const trailerFields = [
  'blocksAt',
  'blocksBytes',
  'blocksChecksum',
  'directoryAt',
  'directoryBytes',
  'directoryChecksum',
  'framesEnd',
  'count',
  'firstOffset',
  'lastOffset',
  'minTimeMs',
  'maxTimeMs',
  'lastLogOffset',
  'missed',
] as const;

export type Trailer = Readonly<Record<(typeof trailerFields)[number], number>>;
export const TRAILER_BYTES = 8 + 8 * trailerFields.length;

export function segmentName(id: number): string {
  return `segment-${String(id).padStart(10, '0')}`;
}

/** The number in the name of a segment's file; null for other files. */
export function segmentIdOf(name: string): number | null {
  const digits = /^segment-([0-9]{10,})$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function encodeSegmentHeader({ seed, shelf, createdMs }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.writeUInt32LE(HEADER_MAGIC, 4);
  bytes.writeUInt32LE(seed, 8);
  bytes.writeUInt16LE(VERSION, 12);
  bytes.writeUInt16LE(bytes.write(shelf, NAME_AT), 14);
  bytes.writeDoubleLE(createdMs, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < SEGMENT_HEADER_BYTES || bytes.readUInt32LE(4) !== HEADER_MAGIC || bytes.readUInt16LE(12) !== VERSION) return null;
  if (crc32(bytes.subarray(4, SEGMENT_HEADER_BYTES)) !== bytes.readUInt32LE(0)) return null;
  const shelf = bytes.toString('utf8', NAME_AT, NAME_AT + bytes.readUInt16LE(14));
  return { seed: bytes.readUInt32LE(8), shelf, createdMs: bytes.readDoubleLE(16) };
}

export function encodeTrailer(trailer: Trailer, seed: number): Buffer {
  const bytes = Buffer.alloc(TRAILER_BYTES);
  bytes.writeUInt32LE(TRAILER_MAGIC, 4);
  trailerFields.forEach((field, index) => bytes.writeDoubleLE(trailer[field], 8 + 8 * index));
  bytes.writeUInt32LE(crc32(bytes.subarray(4), seed), 0);
  return bytes;
}

/** The trailer, or null when these bytes are none of this segment. */
export function decodeTrailer(bytes: Buffer, seed: number): Trailer | null {
  if (bytes.length !== TRAILER_BYTES || bytes.readUInt32LE(4) !== TRAILER_MAGIC) return null;
  if (crc32(bytes.subarray(4), seed) !== bytes.readUInt32LE(0)) return null;
  return Object.fromEntries(trailerFields.map((field, index) => [field, bytes.readDoubleLE(8 + 8 * index)])) as Trailer;
}

export function encodeBlocks(blocks: readonly Block[]): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES * blocks.length);
  blocks.forEach((block, index) => {
    const at = BLOCK_BYTES * index;
    bytes.writeDoubleLE(block.at, at);
    bytes.writeUInt32LE(block.bytes, at + 8);
    bytes.writeUInt32LE(block.firstOrdinal, at + 12);
    bytes.writeUInt32LE(block.count, at + 16);
    bytes.writeUInt32LE(block.isLost ? 1 : 0, at + 20);
    bytes.writeDoubleLE(block.firstOffset, at + 24);
    bytes.writeDoubleLE(block.lastOffset, at + 32);
    bytes.writeDoubleLE(block.minTimeMs, at + 40);
    bytes.writeDoubleLE(block.maxTimeMs, at + 48);
    bytes.writeDoubleLE(block.missed, at + 56);
  });
  return bytes;
}

export function decodeBlocks(bytes: Buffer): Block[] {
  return Array.from({ length: bytes.length / BLOCK_BYTES }, (_, index) => {
    const at = BLOCK_BYTES * index;
    return {
      at: bytes.readDoubleLE(at),
      bytes: bytes.readUInt32LE(at + 8),
      firstOrdinal: bytes.readUInt32LE(at + 12),
      count: bytes.readUInt32LE(at + 16),
      isLost: bytes.readUInt32LE(at + 20) === 1,
      firstOffset: bytes.readDoubleLE(at + 24),
      lastOffset: bytes.readDoubleLE(at + 32),
      minTimeMs: bytes.readDoubleLE(at + 40),
      maxTimeMs: bytes.readDoubleLE(at + 48),
      missed: bytes.readDoubleLE(at + 56),
    };
  });
}
