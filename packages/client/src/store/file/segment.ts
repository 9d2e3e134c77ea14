import { randomFillSync } from 'node:crypto';
import { crc32c } from './crc32c.ts';

/*
 * A segment is a file of records that only grows, `00000001.log`:
 *
 *   header   magic(8) version(1) kind(1) 0(2) number(4) digest of the client id(32) salt(8) checksum(4)
 *   record   length of the body(4) checksum of the body(4) checksum of this head(4) body end(1)
 *
 * Kind 1, a base, holds everything that the segments before it held. Each record is one group commit: all its steps count or none.
 * A record with an empty body is a seal: nothing follows it in its segment. Checksums are CRC-32C; those of records start from the salt
 * and the position, so that no payload can look like a record, nor a record of one place count in another. A record never ends in zero.
 */
export const HEADER_BYTES = 60;
export const RECORD_HEAD_BYTES = 12;
export const RECORD_BYTES_MIN = RECORD_HEAD_BYTES + 1;
const MAGIC = 'WrenMQss';
const VERSION = 1;
const RECORD_END = 0xa5;

export interface SegmentHeader {
  readonly number: number;
  readonly isBase: boolean;
  readonly clientDigest: Buffer;
  /** Where the checksums of its records start. */
  readonly salt: number;
}

export function segmentName(number: number): string {
  return `${number}`.padStart(8, '0').concat('.log');
}

/** @returns undefined for a file that is none. */
export function readSegmentName(name: string): number | undefined {
  const digits = /^(\d{8,})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeHeader(number: number, isBase: boolean, clientDigest: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt8(VERSION, 8);
  bytes.writeUInt8(isBase ? 1 : 0, 9);
  bytes.writeUInt32BE(number, 12);
  clientDigest.copy(bytes, 16);
  randomFillSync(bytes, 48, 8);
  bytes.writeUInt32BE(crc32c(bytes, 0, 56), 56);
  return bytes;
}

/** @returns what is wrong with it, as a text. */
export function decodeHeader(bytes: Buffer): SegmentHeader | string {
  if (bytes.length < HEADER_BYTES) return 'the header is cut off';
  if (bytes.readUInt32BE(56) !== crc32c(bytes, 0, 56)) return 'the checksum of the header is wrong';
  if (bytes.toString('latin1', 0, 8) !== MAGIC) return 'this is no session file';
  if (bytes.readUInt8(8) !== VERSION) return `this is a session file of version ${bytes.readUInt8(8)}, known is ${VERSION}`;
  return {
    number: bytes.readUInt32BE(12),
    isBase: bytes.readUInt8(9) === 1,
    clientDigest: bytes.subarray(16, 48),
    salt: crc32c(bytes, 48, 56),
  };
}

/** A record whose body is `bytes[RECORD_HEAD_BYTES..length - 1)`, completed in place. */
export function completeRecord(bytes: Buffer, salt: number, position: number): void {
  const end = bytes.length - 1;
  bytes.writeUInt32BE(end - RECORD_HEAD_BYTES, 0);
  bytes.writeUInt32BE(crc32c(bytes, RECORD_HEAD_BYTES, end, seedOf(salt, position)), 4);
  bytes.writeUInt32BE(crc32c(bytes, 0, 8, seedOf(salt, position)), 8);
  bytes.writeUInt8(RECORD_END, end);
}

/** Bytes of the body, undefined when the head is damaged. */
export function readRecordHead(bytes: Buffer, salt: number, position: number): number | undefined {
  return bytes.readUInt32BE(8) === crc32c(bytes, 0, 8, seedOf(salt, position)) ? bytes.readUInt32BE(0) : undefined;
}

export function isRecordIntact(bytes: Buffer, salt: number, position: number): boolean {
  const end = bytes.length - 1;
  return bytes.readUInt32BE(4) === crc32c(bytes, RECORD_HEAD_BYTES, end, seedOf(salt, position)) && bytes.readUInt8(end) === RECORD_END;
}

function seedOf(salt: number, position: number): number {
  return (salt ^ Math.imul(position, 0x9e3779b1) ^ (position / 0x1_0000_0000)) >>> 0;
}
