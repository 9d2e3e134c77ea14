import type { Author } from '#hooks/feature.ts';
import type { Message } from '#message/message.ts';
import { decodeMessage, storedMessageBytes, writeMessage } from '#message/stored-message.ts';

/*
 * A message that waits. Key, big-endian, so that what is due first comes first:
 *   u48 due, milliseconds   u32 number of the broker's start   u48 number since then
 * Value:
 *   u32 length of the author, the author as JSON (empty: a part of the house), the stored message
 */
const KEY_BYTES = 16;

export interface WaitingMessage {
  readonly author: Author | null;
  readonly message: Message;
}

/** Unique for ever, and among messages of one moment in the order in which they came. */
export function encodeKey(dueMs: number, start: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key.writeUIntBE(dueMs, 0, 6);
  key.writeUInt32BE(start, 6);
  key.writeUIntBE(number, 10, 6);
  return key;
}

/** Below every key of this moment, and above those before. */
export function lowestKey(dueMs: number): Buffer {
  return encodeKey(dueMs, 0, 0);
}

export function dueMsOf(key: Buffer): number {
  return key.readUIntBE(0, 6);
}

/** The same message at another time: it stays the same among those of one moment. */
export function keyAt(dueMs: number, key: Buffer): Buffer {
  const moved = Buffer.from(key);
  moved.writeUIntBE(dueMs, 0, 6);
  return moved;
}

/** Keys as people and REST see them. */
export function idOf(key: Buffer): string {
  return key.toString('hex');
}

/** Null when it is none. */
export function keyOf(id: string): Buffer | null {
  return /^[0-9a-f]{32}$/.test(id) ? Buffer.from(id, 'hex') : null;
}

export function encodeValue(message: Message, author: Author | null): Buffer {
  const json = author === null ? '' : JSON.stringify(author);
  const jsonBytes = Buffer.byteLength(json);
  const value = Buffer.allocUnsafeSlow(4 + jsonBytes + storedMessageBytes(message));
  value.writeUInt32BE(jsonBytes, 0);
  value.write(json, 4);
  writeMessage(message, value, 4 + jsonBytes);
  return value;
}

export function decodeValue(value: Buffer): WaitingMessage {
  const end = 4 + value.readUInt32BE(0);
  const author = end === 4 ? null : (JSON.parse(value.toString('utf8', 4, end)) as Author);
  return { author, message: decodeMessage(value, end) };
}
