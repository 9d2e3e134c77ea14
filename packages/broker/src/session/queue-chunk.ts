import { Delivery, type DeliveryChunk, DeliveryState, type Redelivery } from '#message/delivery.ts';
import type { Message, QoS } from '#message/message.ts';

/*
 * The stored form of a chunk, all numbers big-endian: u16 number of entries, then for each
 *   u8 QoS (bits 0-1), retain (bit 2), state (bits 3-4), has failures (bit 5)    u16 packet identifier, or 0
 *   u48 base of the log record    u16 offset minus that base    u32 weight of the message
 *   u32 number of the shared subscription that chose the session, or 0
 *   u8 number of subscription identifiers, u32 each    u16 failures, if it has any
 */
const ENTRY_BYTES = 20;
const IDENTIFIERS_MAX = 255;
const HAS_FAILURES = 32;
const FAILURES_MAX = 65_535;

/** Consecutive deliveries of one session that are stored in one record. */
export class QueueChunk implements DeliveryChunk {
  readonly sequence: number;
  readonly entries: Delivery[] = [];
  /** The first entry that has not been handed out for sending. */
  cursor = 0;
  /** How many entries are not done. */
  live = 0;
  /** Weight of the messages of all entries. */
  bytes = 0;
  /** True while the store has, or is being given, a record of the chunk. */
  isStored = false;
  /** How many entries, from the first on, the store has had: a later one is new in the record. */
  saved = 0;
  /** True while the chunk waits to be written or deleted. */
  isMarked = false;

  constructor(sequence: number) {
    this.sequence = sequence;
  }
}

/** How shared groups are named in stored entries: by the number of the session's subscription. */
export interface GroupNumbers {
  numberOf(group: Redelivery): number;
  groupOf(number: number): Redelivery | null;
}

/** An entry as it is stored, before its message is read. */
export interface StoredEntry {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly state: DeliveryState;
  readonly packetId: number;
  readonly base: number;
  readonly offset: number;
  readonly weight: number;
  readonly groupNumber: number;
  readonly subscriptionIdentifiers: readonly number[] | null;
  readonly failures: number;
}

export function encodeChunk(chunk: QueueChunk, groups: GroupNumbers): Buffer {
  const live = chunk.entries.filter((entry) => entry.state !== DeliveryState.Done);
  const bytes = live.reduce((sum, entry) => sum + entryBytes(entry), 2);
  const record = Buffer.allocUnsafe(bytes);
  record.writeUInt16BE(live.length, 0);
  let at = 2;
  for (const entry of live) at = writeEntry(record, at, entry, groups);
  return record;
}

export function decodeChunk(record: Buffer): StoredEntry[] {
  const entries: StoredEntry[] = [];
  let at = 2;
  for (let left = record.readUInt16BE(0); left > 0; left -= 1) {
    const identifiers: number[] = [];
    for (let i = 0; i < record[at + 19]; i += 1) identifiers.push(record.readUInt32BE(at + ENTRY_BYTES + 4 * i));
    const base = record.readUIntBE(at + 3, 6);
    const end = at + ENTRY_BYTES + 4 * identifiers.length;
    const hasFailures = (record[at] & HAS_FAILURES) !== 0;
    entries.push({
      qos: (record[at] & 3) as QoS,
      retain: (record[at] & 4) !== 0,
      state: ((record[at] >> 3) & 3) as DeliveryState,
      packetId: record.readUInt16BE(at + 1),
      base,
      offset: base + record.readUInt16BE(at + 9),
      weight: record.readUInt32BE(at + 11),
      groupNumber: record.readUInt32BE(at + 15),
      subscriptionIdentifiers: identifiers.length === 0 ? null : identifiers,
      failures: hasFailures ? record.readUInt16BE(end) : 0,
    });
    at = hasFailures ? end + 2 : end;
  }
  return entries;
}

/** Makes the delivery that an entry stands for. */
export function restoreDelivery(entry: StoredEntry, message: Message, groups: GroupNumbers): Delivery {
  const delivery = new Delivery(message, entry.qos, entry.retain, entry.subscriptionIdentifiers);
  delivery.packetId = entry.packetId;
  delivery.state = entry.state;
  // It may have been sent before the restart.
  delivery.isDuplicate = entry.packetId !== 0;
  delivery.group = entry.groupNumber === 0 ? null : groups.groupOf(entry.groupNumber);
  delivery.failures = entry.failures;
  delivery.isAccepted = true;
  return delivery;
}

function identifiersOf(entry: Delivery): readonly number[] {
  return entry.subscriptionIdentifiers?.slice(0, IDENTIFIERS_MAX) ?? [];
}

function entryBytes(entry: Delivery): number {
  return ENTRY_BYTES + 4 * identifiersOf(entry).length + (entry.failures > 0 ? 2 : 0);
}

function writeEntry(record: Buffer, at: number, entry: Delivery, groups: GroupNumbers): number {
  const { message } = entry;
  const identifiers = identifiersOf(entry);
  record[at] = entry.qos | (entry.retain ? 4 : 0) | (entry.state << 3) | (entry.failures > 0 ? HAS_FAILURES : 0);
  record.writeUInt16BE(entry.packetId, at + 1);
  record.writeUIntBE(message.recordBase, at + 3, 6);
  record.writeUInt16BE(message.offset - message.recordBase, at + 9);
  record.writeUInt32BE(message.weight, at + 11);
  record.writeUInt32BE(entry.group === null ? 0 : groups.numberOf(entry.group), at + 15);
  record[at + 19] = identifiers.length;
  for (const [i, identifier] of identifiers.entries()) record.writeUInt32BE(identifier, at + ENTRY_BYTES + 4 * i);
  const end = at + ENTRY_BYTES + 4 * identifiers.length;
  return entry.failures === 0 ? end : record.writeUInt16BE(Math.min(entry.failures, FAILURES_MAX), end);
}
