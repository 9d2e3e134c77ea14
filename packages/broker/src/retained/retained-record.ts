import { type Message, NEVER } from '#message/message.ts';
import { decodeMessage, storedMessageBytes, writeMessage } from '#message/stored-message.ts';

/*
 * A record of the table `retained`, numbers big-endian:
 *   f64  sequence: the number of the change that set it
 *   f64  expiresAtMs, so that a sweep need not read the message
 *   the stored message
 *   the user name of who published it, to the end; nothing when there is none
 *
 * The record `retained` of the table `meta`:
 *   f64  messages   f64  bytes   f64  messages that expire   f64  sequence of the last change   u8  1 when the numbers are exact
 */
const HEADER_BYTES = 16;
const META_BYTES = 33;

/** What a topic's record adds to the totals. */
export interface Footprint {
  /** 1, or 0 when there is no record. */
  readonly count: number;
  /** Of key and value. */
  readonly bytes: number;
  /** 1 when the message expires. */
  readonly expiring: number;
}

export const NO_FOOTPRINT: Footprint = { count: 0, bytes: 0, expiring: 0 };

export function footprintOf(key: Buffer, message: Message, username: string | null): Footprint {
  const bytes = key.length + HEADER_BYTES + storedMessageBytes(message) + Buffer.byteLength(username ?? '');
  return { count: 1, bytes, expiring: message.expiresAtMs === NEVER ? 0 : 1 };
}

export function footprintOfRecord(key: Buffer, value: Buffer): Footprint {
  return { count: 1, bytes: key.length + value.length, expiring: expiresAtMsOf(value) === NEVER ? 0 : 1 };
}

export function encodeRecord(message: Message, sequence: number, username: string | null): Buffer {
  const value = Buffer.allocUnsafeSlow(HEADER_BYTES + storedMessageBytes(message) + Buffer.byteLength(username ?? ''));
  value.writeDoubleBE(sequence, 0);
  value.writeDoubleBE(message.expiresAtMs, 8);
  const end = writeMessage(message, value, HEADER_BYTES);
  if (username !== null) value.write(username, end);
  return value;
}

export function sequenceOf(value: Buffer): number {
  return value.readDoubleBE(0);
}

export function isRecordExpired(value: Buffer, wallMs: number): boolean {
  const expiresAtMs = expiresAtMsOf(value);
  return expiresAtMs !== NEVER && wallMs >= expiresAtMs;
}

export function messageOf(value: Buffer): Message {
  return decodeMessage(value, HEADER_BYTES);
}

/** The user name of who published the message; null when there is none. */
export function usernameOf(value: Buffer, message: Message): string | null {
  const start = HEADER_BYTES + storedMessageBytes(message);
  return start < value.length ? value.toString('utf8', start) : null;
}

/** What all retained messages add up to. */
export class Totals {
  count = 0;
  bytes = 0;
  expiring = 0;
  /** The number of the last change. */
  sequence = 0;

  add(footprint: Footprint): void {
    this.count += footprint.count;
    this.bytes += footprint.bytes;
    this.expiring += footprint.expiring;
  }

  subtract(footprint: Footprint): void {
    this.count -= footprint.count;
    this.bytes -= footprint.bytes;
    this.expiring -= footprint.expiring;
  }
}

export function encodeTotals(totals: Totals, isExact: boolean): Buffer {
  const value = Buffer.allocUnsafeSlow(META_BYTES);
  value.writeDoubleBE(totals.count, 0);
  value.writeDoubleBE(totals.bytes, 8);
  value.writeDoubleBE(totals.expiring, 16);
  value.writeDoubleBE(totals.sequence, 24);
  value[32] = isExact ? 1 : 0;
  return value;
}

/** Null when the numbers were not exact, or are in another form. */
export function decodeTotals(value: Buffer): Totals | null {
  if (value.length !== META_BYTES || value[32] !== 1) return null;
  const totals = new Totals();
  totals.count = value.readDoubleBE(0);
  totals.bytes = value.readDoubleBE(8);
  totals.expiring = value.readDoubleBE(16);
  totals.sequence = value.readDoubleBE(24);
  return totals;
}

function expiresAtMsOf(value: Buffer): number {
  return value.readDoubleBE(8);
}
