// HOT
import { OperationalError } from '#base/errors.ts';
import { type Delivery, DeliveryState } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Log } from '#store/log.ts';
import type { Batch, Store } from '#store/store.ts';
import { decodeChunk, encodeChunk, type GroupNumbers, QueueChunk, restoreDelivery, type StoredEntry } from './queue-chunk.ts';

/** A chunk is full at either bound. */
const CHUNK_ENTRIES_MAX = 64;
const CHUNK_BYTES_MAX = 64 * 1024;
/** Waiting deliveries stay in memory up to the chunk that reaches either bound; the rest is read back when its turn comes. */
const RESIDENT_CHUNKS_MAX = 4;
const RESIDENT_BYTES_MAX = RESIDENT_CHUNKS_MAX * CHUNK_BYTES_MAX;
/** Records read at a time, unless fewer fill the memory. */
const PAGE_RECORDS = 8;

/** What a batch holds of a chunk: entries from `from` on are new in the record. */
interface SavedChunk {
  readonly chunk: QueueChunk;
  readonly wasStored: boolean;
  readonly from: number;
  readonly to: number;
}

/** Most queues are empty, and there may be a million: all have this one list. */
const none: never[] = Object.freeze([]) as never[];

/** What a queue asks of the session that owns it. */
export interface QueueOwner extends GroupNumbers {
  readonly number: number;
  /** While nobody is, what waits stays on disk. */
  readonly isConnected: boolean;
  /** Something waits to be written. */
  onQueueChanged(): void;
  /** A delivery that had a packet identifier before a restart is back. */
  onRestored(delivery: Delivery): void;
  /** `next` may have something after it returned null. */
  onQueueLoaded(): void;
  /** The record of a waiting delivery, or of its message, is damaged. */
  onDamaged(): void;
  /** A delivery that has not been sent was refused with its batch because the disk is full: it is dropped. */
  onRefused(delivery: Delivery): void;
  /** What was asked with `record` is on disk. */
  onRecorded(delivery: Delivery): void;
}

/**
 * The deliveries owed to a durable session, first in, first out. New ones gather in an open chunk, whose record is written
 * again until it is full: so that a message now and then does not cost a record each. Order: `#resident` (in memory), then
 * the range on disk, then `#late` (in memory, not yet written or newer than the range). What was handed out lives on in its chunk until it is done.
 */
export class DurableQueue {
  /** Deliveries not handed out yet. */
  waiting = 0;
  /** Weight of all messages not done, in bytes. */
  bytes = 0;
  readonly #owner: QueueOwner;
  readonly #store: Store;
  readonly #log: Log;
  #nextSequence = 1;
  #resident: QueueChunk[] = none;
  #late: QueueChunk[] = none;
  #open: QueueChunk | null = null;
  /** First sequence on disk that is not in memory; the range is empty when `#diskMessages` is 0. */
  #diskFirst = 0;
  #diskLast = 0;
  #diskMessages = 0;
  #diskBytes = 0;
  #unsaved: QueueChunk[] = none;
  #saving: SavedChunk[] = none;
  /** Deliveries whose next step waits for their record: for the open batch, and for the sealed one. */
  #awaiting: Delivery[] | null = null;
  #sealed: Delivery[] | null = null;
  #loading: Promise<void> | null = null;
  #isPurging = false;
  /** The broker stops: what lies on disk stays there. */
  #isClosed = false;

  constructor(owner: QueueOwner, store: Store, log: Log) {
    this.#owner = owner;
    this.#store = store;
    this.#log = log;
  }

  /** Adds a delivery; one that is sent at once is already handed out (only when nothing waits). */
  append(delivery: Delivery, isHandedOut: boolean): void {
    this.#log.acquire(delivery.message);
    let chunk = this.#open;
    if (chunk === null) {
      chunk = new QueueChunk(this.#nextSequence++);
      this.#open = chunk;
      this.#late = added(this.#late, chunk);
    }
    this.#mark(chunk);
    chunk.entries.push(delivery);
    chunk.live += 1;
    delivery.chunk = chunk;
    const { weight } = delivery.message;
    this.bytes += weight;
    chunk.bytes += weight;
    if (chunk.entries.length === CHUNK_ENTRIES_MAX || chunk.bytes >= CHUNK_BYTES_MAX) this.#open = null;
    if (isHandedOut) chunk.cursor = chunk.entries.length;
    else this.waiting += 1;
  }

  /** Hands out the delivery that comes next; null when none waits or when it has to be read first (`onQueueLoaded` follows). */
  next(): Delivery | null {
    while (this.waiting > 0) {
      const chunk = this.#front();
      if (chunk === null) return null;
      const delivery = chunk.entries[chunk.cursor];
      chunk.cursor += 1;
      this.waiting -= 1;
      return delivery;
    }
    return null;
  }

  /** True when some of what waits has to be read first. */
  get isPartlyOnDisk(): boolean {
    return this.#diskMessages > 0;
  }

  /** The delivery that `next` would hand out, when it is in memory; else it is read, and null. */
  peek(): Delivery | null {
    const chunk = this.waiting === 0 ? null : this.#front();
    return chunk === null ? null : chunk.entries[chunk.cursor];
  }

  /** The client has the message, or it was dropped: nothing of the delivery needs to survive. */
  done(delivery: Delivery): void {
    const chunk = delivery.chunk as QueueChunk;
    delivery.state = DeliveryState.Done;
    chunk.live -= 1;
    this.bytes -= delivery.message.weight;
    this.#log.release(delivery.message);
    // At QoS 1 a delivery that is repeated after a crash is allowed; else the record must forget it [MQTT-4.3.3-7] [MQTT-4.3.1-1].
    if (chunk.isStored && (chunk.live === 0 || delivery.qos !== 1)) this.#mark(chunk);
  }

  /** Like `done`, for a delivery that goes on elsewhere: after a crash it must not be here too. */
  moved(delivery: Delivery): void {
    const chunk = delivery.chunk as QueueChunk;
    this.done(delivery);
    if (chunk.isStored) this.#mark(chunk);
  }

  /** The delivery's packet identifier or state changed: its record is written again. */
  changed(delivery: Delivery): void {
    this.#mark(delivery.chunk as QueueChunk);
  }

  /** True when the store has, or is being given, a record of the delivery's chunk. */
  isStored(delivery: Delivery): boolean {
    return (delivery.chunk as QueueChunk).isStored;
  }

  /** Like `changed`, and `onRecorded` follows when it is on disk. */
  record(delivery: Delivery): void {
    (this.#awaiting ??= []).push(delivery);
    this.#mark(delivery.chunk as QueueChunk);
  }

  /** True while `onRecorded` is to follow. */
  isAwaited(delivery: Delivery): boolean {
    return this.#awaiting?.includes(delivery) === true || this.#sealed?.includes(delivery) === true;
  }

  /** At start: a stored record of this queue, in key order. Reports entries whose message is lost. */
  restore(sequence: number, record: Buffer): void {
    const entries = decodeChunk(record);
    if (this.#diskMessages === 0) this.#diskFirst = sequence;
    this.#diskLast = sequence;
    this.#nextSequence = sequence + 1;
    for (const entry of entries) this.#log.reacquire(entry.base);
    const bytes = entries.reduce((sum, { weight }) => sum + weight, 0);
    this.bytes += bytes;
    this.#diskBytes += bytes;
    this.#diskMessages += entries.length;
    this.waiting += entries.length;
  }

  /** Reads back, after a restart, every delivery that has a packet identifier; they precede all others. */
  async prime(): Promise<void> {
    while (!this.#isClosed && this.#diskMessages > 0 && this.#resident.every((chunk) => chunk.cursor === chunk.entries.length)) {
      await this.#load();
    }
  }

  persist(batch: Batch): void {
    const unsaved = this.#unsaved;
    this.#unsaved = none;
    this.#sealed = this.#awaiting;
    this.#awaiting = null;
    for (const chunk of unsaved) {
      chunk.isMarked = false;
      // What the client has must not stay in memory until the chunk is full.
      if (chunk === this.#open && chunk.live === 0) this.#open = null;
      const wasStored = chunk.isStored;
      if (chunk.live > 0) batch.put('queue', this.#key(chunk.sequence), encodeChunk(chunk, this.#owner));
      else if (wasStored) batch.delete('queue', this.#key(chunk.sequence));
      else continue;
      chunk.isStored = chunk.live > 0;
      this.#saving = added(this.#saving, { chunk, wasStored, from: chunk.saved, to: chunk.entries.length });
    }
    this.#forgetFinished();
  }

  settled(hasFailed: boolean): void {
    const saving = this.#saving;
    this.#saving = none;
    if (hasFailed) {
      for (const refused of saving) this.#refuse(refused);
    } else {
      for (const { chunk, to } of saving) chunk.saved = to;
      while (this.#late.length > 0 && this.#late[0] !== this.#open && !this.#late[0].isMarked) this.#place(this.#late.shift()!);
    }
    if (this.#sealed !== null) this.#goOn(this.#sealed, hasFailed);
  }

  /** The session has ended: frees every record. Waiting deliveries of shared groups are handed to `redeliver` first. */
  async purge(redeliver: (delivery: Delivery) => void): Promise<void> {
    this.#isPurging = true;
    for (let delivery = this.next(); ; delivery = this.next()) {
      if (delivery === null) {
        if (this.#isClosed || this.#diskMessages === 0) break;
        await this.#load();
        continue;
      }
      // At QoS 2 what was sent belongs to this client alone [MQTT-4.8.2-5].
      if (delivery.group !== null && (delivery.qos === 1 || delivery.packetId === 0)) redeliver(delivery);
      this.done(delivery);
    }
  }

  #front(): QueueChunk | null {
    for (;;) {
      const list = this.#resident.length > 0 ? this.#resident : this.#diskMessages > 0 ? null : this.#late;
      if (list === null) {
        this.#startLoading();
        return null;
      }
      const chunk = list[0];
      if (chunk === undefined) return null;
      if (chunk.cursor < chunk.entries.length) return chunk;
      if (chunk === this.#open && list.length === 1) return null;
      list.shift();
    }
  }

  /** Chunks whose entries are all handed out need no place in line. */
  #forgetFinished(): void {
    if (this.#late.length === 0 || this.#diskMessages > 0) return;
    this.#late = this.#late.filter((chunk) => chunk === this.#open || chunk.cursor < chunk.entries.length);
  }

  /** Where a chunk that is on disk now belongs: in memory behind the resident ones, or only on disk. */
  #place(chunk: QueueChunk): void {
    const waits = chunk.entries.length - chunk.cursor;
    if (waits === 0) return;
    const isUntouched = chunk.cursor === 0 && chunk.live === chunk.entries.length;
    const isWanted = this.#owner.isConnected && !this.#isResidentFull();
    if (this.#diskMessages === 0 && (isWanted || !isUntouched)) {
      this.#resident = added(this.#resident, chunk);
      return;
    }
    if (this.#diskMessages === 0) this.#diskFirst = chunk.sequence;
    this.#diskLast = chunk.sequence;
    this.#diskMessages += waits;
    this.#diskBytes += chunk.bytes;
  }

  #isResidentFull(): boolean {
    let bytes = 0;
    for (const chunk of this.#resident) bytes += chunk.bytes;
    return this.#resident.length >= RESIDENT_CHUNKS_MAX || bytes >= RESIDENT_BYTES_MAX;
  }

  /** The disk is full: what was new in the record and has not been sent is dropped, when its publisher was told so. */
  #refuse({ chunk, wasStored, from, to }: SavedChunk): void {
    chunk.isStored = wasStored;
    const first = Math.max(from, chunk.cursor);
    const refused = chunk.entries.slice(first, to);
    const dropped = refused.filter(({ isAccepted }) => !isAccepted);
    if (dropped.length > 0) chunk.entries.splice(first, refused.length, ...refused.filter(({ isAccepted }) => isAccepted));
    this.waiting -= dropped.length;
    for (const delivery of dropped) {
      chunk.bytes -= delivery.message.weight;
      this.done(delivery);
      this.#owner.onRefused(delivery);
    }
    if (wasStored || chunk.live > 0) this.#mark(chunk);
  }

  /** Tells of deliveries whose record is on disk. After a refusal they wait again, unless they were new in it. */
  #goOn(sealed: readonly Delivery[], hasFailed: boolean): void {
    this.#sealed = null;
    const newer = this.#awaiting;
    this.#awaiting = null;
    for (const delivery of sealed) {
      if (delivery.state === DeliveryState.Done) continue;
      if (!hasFailed) this.#owner.onRecorded(delivery);
      else if (delivery.isAccepted || wasSaved(delivery)) this.record(delivery);
      else {
        this.done(delivery);
        this.#owner.onRefused(delivery);
      }
    }
    // ORDER: what waits again stands before what came meanwhile.
    if (newer !== null) this.#awaiting = this.#awaiting === null ? newer : [...this.#awaiting, ...newer];
  }

  #mark(chunk: QueueChunk): void {
    if (chunk.isMarked) return;
    chunk.isMarked = true;
    this.#unsaved = added(this.#unsaved, chunk);
    this.#owner.onQueueChanged();
  }

  #startLoading(): void {
    if (this.#loading !== null || this.#isPurging || this.#isClosed) return;
    void this.#load().then(() => this.#owner.onQueueLoaded());
  }

  /** Reads a page of the range back; whoever asks meanwhile waits for the same page. */
  #load(): Promise<void> {
    this.#loading ??= this.#loadPage()
      .catch((error: unknown) => {
        if (!(error instanceof OperationalError && error.code === 'store.closed')) throw error;
        this.#isClosed = true;
      })
      .finally(() => {
        this.#loading = null;
      });
    return this.#loading;
  }

  async #loadPage(): Promise<void> {
    const last = this.#diskLast;
    const range = { from: this.#key(this.#diskFirst), to: this.#key(last + 1), limit: PAGE_RECORDS };
    let records = 0;
    for await (const page of this.#store.scan('queue', range)) {
      for (const { key, value } of page) {
        await this.#loadChunk(key.readUIntBE(4, 6), decodeChunk(value));
        if (this.#isResidentFull()) return;
        records += 1;
      }
    }
    // The range grows at its end while it is read: what came meanwhile is there for the next page.
    if (records < PAGE_RECORDS && last === this.#diskLast) this.#endRange();
  }

  /** Nothing more is on disk: what the range still counts was lost with its records. */
  #endRange(): void {
    const lost = this.#diskMessages;
    this.waiting -= lost;
    this.bytes -= this.#diskBytes;
    this.#diskMessages = 0;
    this.#diskBytes = 0;
    for (let i = 0; i < lost; i += 1) this.#owner.onDamaged();
  }

  async #loadChunk(sequence: number, entries: readonly StoredEntry[]): Promise<void> {
    const messages: (Message | null)[] = [];
    for (const entry of entries) messages.push(await this.#log.read(entry.base, entry.offset));
    // ORDER: the chunk leaves the range and takes its place in memory in one step, or newer ones would overtake it.
    this.#diskFirst = sequence + 1;
    this.#diskMessages -= entries.length;
    for (const { weight } of entries) this.#diskBytes -= weight;
    const chunk = new QueueChunk(sequence);
    chunk.isStored = true;
    for (const [i, entry] of entries.entries()) {
      const message = messages[i];
      if (message === null) this.#loseEntry(entry);
      else this.#adopt(chunk, restoreDelivery(entry, message, this.#owner));
    }
    chunk.saved = chunk.entries.length;
    if (chunk.cursor < chunk.entries.length) this.#resident = added(this.#resident, chunk);
    else if (chunk.live === 0) this.#mark(chunk);
  }

  #adopt(chunk: QueueChunk, delivery: Delivery): void {
    delivery.chunk = chunk;
    chunk.entries.push(delivery);
    chunk.live += 1;
    chunk.bytes += delivery.message.weight;
    if (delivery.packetId === 0 || this.#isPurging) return;
    chunk.cursor = chunk.entries.length;
    this.waiting -= 1;
    this.#owner.onRestored(delivery);
  }

  #loseEntry(entry: StoredEntry): void {
    this.waiting -= 1;
    this.bytes -= entry.weight;
    this.#log.releaseAt(entry.base);
    // At QoS 1 the record of a chunk may outlive messages that the client had: those are not missed.
    if (this.#log.isDamaged(entry.base)) this.#owner.onDamaged();
  }

  #key(sequence: number): Buffer {
    return queueKey(this.#owner.number, sequence);
  }
}

/** True when a record with the delivery has been on disk. */
function wasSaved(delivery: Delivery): boolean {
  const chunk = delivery.chunk as QueueChunk;
  return chunk.entries.indexOf(delivery) < chunk.saved;
}

/** Key of a chunk: u32 session number, u48 sequence. */
export function queueKey(session: number, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  key.writeUInt32BE(session, 0);
  key.writeUIntBE(sequence, 4, 6);
  return key;
}

function added<T>(list: T[], one: T): T[] {
  if (list === none) return [one];
  list.push(one);
  return list;
}
