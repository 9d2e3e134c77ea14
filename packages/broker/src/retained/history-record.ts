import { createHash } from 'node:crypto';
import type { HistoryRule } from './retained-settings.ts';

/*
 * A record of the collection of older messages: in the table `feature` under
 *   `retained/`, 24 bytes of the SHA-256 of the topic, u64 sequence
 * the value is that of the table `retained` for the same message, or empty where the topic was cleared: nothing before it counts.
 *
 * The record `retained-history` of the table `meta`:
 *   f64  records   f64  bytes   f64  marks of clears   the rules, as JSON, that all records meet; nothing while that is not sure
 */
const PREFIX = Buffer.from('retained/');
const HASH_BYTES = 24;
/** Of a key, without its sequence: what the records of one topic have in common. */
export const GROUP_BYTES = PREFIX.length + HASH_BYTES;
const KEY_BYTES = GROUP_BYTES + 8;
const META_BYTES = 24;

export const historyMetaKey = Buffer.from('retained-history');
/** The first key of the collection, and the first behind it. */
export const historyFrom = PREFIX;
export const historyTo = Buffer.from('retained0');

export interface HistoryTotals {
  readonly records: number;
  readonly bytes: number;
  readonly marks: number;
  readonly rules: string;
}

export function historyKey(topic: string, sequence: number): Buffer {
  const key = Buffer.allocUnsafeSlow(KEY_BYTES);
  PREFIX.copy(key);
  createHash('sha256').update(topic).digest().copy(key, PREFIX.length, 0, HASH_BYTES);
  key.writeBigUInt64BE(BigInt(sequence), GROUP_BYTES);
  return key;
}

export function sequenceOfKey(key: Buffer): number {
  return Number(key.readBigUInt64BE(GROUP_BYTES));
}

export function encodeHistoryTotals({ records, bytes, marks, rules }: HistoryTotals): Buffer {
  const value = Buffer.alloc(META_BYTES);
  value.writeDoubleBE(records, 0);
  value.writeDoubleBE(bytes, 8);
  value.writeDoubleBE(marks, 16);
  return Buffer.concat([value, Buffer.from(rules)]);
}

export function decodeHistoryTotals(value: Buffer): HistoryTotals {
  const rules = value.toString('utf8', META_BYTES);
  return { records: value.readDoubleBE(0), bytes: value.readDoubleBE(8), marks: value.readDoubleBE(16), rules };
}

/** What the stored rules are compared by. */
export function textOfRules(rules: readonly HistoryRule[]): string {
  return JSON.stringify(rules.map(({ filter, messages, bytesMax }) => [filter, messages, bytesMax]));
}
