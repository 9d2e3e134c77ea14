// HOT
import { crc32 } from 'node:zlib';
import { assert } from '#base/errors.ts';
import type { Change, Table } from '#store/store.ts';
import { ALIGNMENT } from './location.ts';

/**
 * The journal's format, version 1. Integers are little-endian.
 *
 *   frame  = checksum u32 | magic u32 | bodyBytes u32 | count u32 | sequence f64 | changesBefore f64 | records
 *   record = keyChecksum u32 | checksum u32 | table u8 | kind u8 | keyBytes u16 | valueBytes u32 | key | value | 0..7 zeros
 *
 * A frame is one commit. `sequence` numbers the frames, `changesBefore` counts the records of all frames before: so a gap
 * tells how much is missing. `keyChecksum` covers table, kind, lengths and key, `checksum` the value too: a record whose
 * value is damaged can still be named. Every checksum is seeded with the place where the bytes stand and the store's
 * secret: bytes of another place, of an older use of the file, or made up by a client never pass.
 */
export const FORMAT_VERSION = 1;
export const FRAME_HEADER_BYTES = 32;
const RECORD_HEADER_BYTES = 16;
const MAGIC = 0x31464a57;
export const magicBytes = Buffer.from('WJF1');

const PUT = 1;
const DELETE = 2;

/** What can be trusted of a record: nothing, its table and key, everything. */
const UNKNOWN = 0;
const NAMED = 1;
export const INTACT = 2;
type Soundness = typeof UNKNOWN | typeof NAMED | typeof INTACT;

/** On disk for ever: numbers are never reused. */
const tableNumbers = {
  meta: 1,
  session: 2,
  queue: 3,
  log: 4,
  retained: 5,
  feature: 6,
  quarantine: 7,
} as const satisfies Record<Table, number>;
const tableNames: readonly (Table | undefined)[] = [undefined, 'meta', 'session', 'queue', 'log', 'retained', 'feature', 'quarantine'];

export interface FrameHeader {
  readonly bodyBytes: number;
  readonly count: number;
  readonly sequence: number;
  readonly changesBefore: number;
}

export interface ParsedRecord {
  readonly table: Table;
  readonly isPut: boolean;
  /** The key in latin1 form. */
  readonly key: string;
  /** Where the value stands in the buffer. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** The record's bytes on disk, padding included. */
  readonly bytes: number;
  /** False when the key can be trusted but the value cannot. */
  readonly isIntact: boolean;
}

export function recordBytes(keyBytes: number, valueBytes: number): number {
  return (RECORD_HEADER_BYTES + keyBytes + valueBytes + ALIGNMENT - 1) & -ALIGNMENT;
}

/** The checksum's start value for bytes at `offset` of `segment`. */
export function seedOf(secret: number, segment: number, offset: number): number {
  return (secret ^ Math.imul(segment, 0x9e3779b1) ^ Math.imul(offset / ALIGNMENT, 0x85ebca6b)) >>> 0;
}

/** Writes a change as a record at `at`; returns its bytes. */
export function encodeRecord(into: Buffer, at: number, seed: number, { table, key, value }: Change): number {
  assert(key.length >= 1 && key.length <= 0xffff, 'a key has 1 to 65,535 bytes');
  const valueAt = at + RECORD_HEADER_BYTES + key.length;
  const valueBytes = value === null ? 0 : value.length;
  const end = at + recordBytes(key.length, valueBytes);
  into.fill(0, valueAt + valueBytes, end);
  into[at + 8] = tableNumbers[table];
  into[at + 9] = value === null ? DELETE : PUT;
  into.writeUInt16LE(key.length, at + 10);
  into.writeUInt32LE(valueBytes, at + 12);
  into.set(key, at + RECORD_HEADER_BYTES);
  if (value !== null) into.set(value, valueAt);
  const keyChecksum = crc32(into.subarray(at + 8, valueAt), seed);
  into.writeUInt32LE(keyChecksum, at);
  into.writeUInt32LE(value === null ? keyChecksum : crc32(value, keyChecksum), at + 4);
  return end - at;
}

/** Writes a frame's header at the start of `into`. */
export function encodeFrameHeader(into: Buffer, seed: number, header: FrameHeader): void {
  into.writeUInt32LE(MAGIC, 4);
  into.writeUInt32LE(header.bodyBytes, 8);
  into.writeUInt32LE(header.count, 12);
  into.writeDoubleLE(header.sequence, 16);
  into.writeDoubleLE(header.changesBefore, 24);
  into.writeUInt32LE(crc32(into.subarray(4, FRAME_HEADER_BYTES), seed), 0);
}

/** The header that stands at `at`, or null when there is none that can be trusted. */
export function parseFrameHeader(from: Buffer, at: number, seed: number): FrameHeader | null {
  if (at + FRAME_HEADER_BYTES > from.length || from.readUInt32LE(at + 4) !== MAGIC) return null;
  if (crc32(from.subarray(at + 4, at + FRAME_HEADER_BYTES), seed) !== from.readUInt32LE(at)) return null;
  return {
    bodyBytes: from.readUInt32LE(at + 8),
    count: from.readUInt32LE(at + 12),
    sequence: from.readDoubleLE(at + 16),
    changesBefore: from.readDoubleLE(at + 24),
  };
}

/** How far the record that stands at `at` and ends before `end` can be trusted. */
export function soundnessOf(from: Buffer, at: number, end: number, seed: number): Soundness {
  if (at + RECORD_HEADER_BYTES > end) return UNKNOWN;
  const keyBytes = from.readUInt16LE(at + 10);
  const valueStart = at + RECORD_HEADER_BYTES + keyBytes;
  const valueEnd = valueStart + from.readUInt32LE(at + 12);
  const kind = from[at + 9];
  if (tableNames[from[at + 8]] === undefined || (kind !== PUT && kind !== DELETE) || keyBytes === 0 || valueEnd > end) return UNKNOWN;
  // PERF: bench/micro/store.ts, restart. One look at all bytes; the key's own checksum is asked only where that does not pass.
  // A damaged checksum field alone does not make the key doubtful: the other one covers the same bytes.
  if (crc32(from.subarray(at + 8, valueEnd), seed) === from.readUInt32LE(at + 4)) return INTACT;
  if (crc32(from.subarray(at + 8, valueStart), seed) !== from.readUInt32LE(at)) return UNKNOWN;
  return kind === DELETE ? INTACT : NAMED;
}

/** The record that stands at `at` and ends before `end`, or null when not even its key can be trusted. */
export function parseRecord(from: Buffer, at: number, end: number, seed: number): ParsedRecord | null {
  const soundness = soundnessOf(from, at, end, seed);
  if (soundness === UNKNOWN) return null;
  const valueStart = valueStartAt(from, at);
  return {
    table: tableAt(from, at),
    isPut: isPutAt(from, at),
    key: keyAt(from, at),
    valueStart,
    valueEnd: valueStart + valueBytesAt(from, at),
    bytes: bytesAt(from, at),
    isIntact: soundness === INTACT,
  };
}

// What follows reads a record at `at` whose soundness is known.

export function tableAt(from: Buffer, at: number): Table {
  const table = tableNames[from[at + 8]];
  assert(table !== undefined, 'only what can be trusted is read');
  return table;
}

export function isPutAt(from: Buffer, at: number): boolean {
  return from[at + 9] === PUT;
}

export function keyStartAt(at: number): number {
  return at + RECORD_HEADER_BYTES;
}

/** In latin1 form. */
export function keyAt(from: Buffer, at: number): string {
  return from.toString('latin1', keyStartAt(at), valueStartAt(from, at));
}

/** Whether it is this key, in latin1 form. */
export function hasKeyAt(from: Buffer, at: number, key: string): boolean {
  const start = keyStartAt(at);
  if (from.readUInt16LE(at + 10) !== key.length) return false;
  for (let i = 0; i < key.length; i += 1) if (from[start + i] !== key.charCodeAt(i)) return false;
  return true;
}

export function valueStartAt(from: Buffer, at: number): number {
  return at + RECORD_HEADER_BYTES + from.readUInt16LE(at + 10);
}

export function valueBytesAt(from: Buffer, at: number): number {
  return from.readUInt32LE(at + 12);
}

/** On disk, padding included. */
export function bytesAt(from: Buffer, at: number): number {
  return recordBytes(from.readUInt16LE(at + 10), from.readUInt32LE(at + 12));
}
