import type { Clock } from '#base/clock.ts';
import { Counters, type DropReason } from '#base/counters.ts';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import { createMessage, type Message } from '#message/message.ts';
import type { Committer, Participant } from '#store/committer.ts';
import { MemoryStore } from '#store/memory/memory-store.ts';
import { Batch, type ScanRange, type Store, type StoredRecord, type StoreStatistics, type Table } from '#store/store.ts';
import type { RetainedSettings } from './retained-settings.ts';
import { Retained } from './retained.ts';
import { plainSettings } from './test-settings.ts';

/** How a test's store answers: `knows` as the memory store; `reads` must be read to tell; `slow` reads, and later. */
export type StoreManner = 'knows' | 'reads' | 'slow';

/** A memory store that counts what is read and can be less forthcoming. */
export class TestStore implements Store {
  readonly isDurable = true;
  recordsScanned = 0;
  has?: (table: Table, key: Buffer) => boolean;
  readonly #store = new MemoryStore();
  readonly #manner: StoreManner;

  constructor(manner: StoreManner) {
    this.#manner = manner;
    if (manner === 'knows') this.has = (table, key) => this.#store.has(table, key);
  }

  commit(batch: Batch): Promise<void> {
    return this.#store.commit(batch);
  }

  async get(table: Table, key: Buffer): Promise<Buffer | null> {
    const value = await this.#store.get(table, key);
    if (this.#manner === 'slow') for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    return value;
  }

  async *scan(table: Table, range?: ScanRange): AsyncIterable<readonly StoredRecord[]> {
    for await (const page of this.#store.scan(table, range)) {
      this.recordsScanned += page.length;
      if (this.#manner === 'slow') await new Promise(setImmediate);
      yield page;
    }
  }

  count(table: Table): Promise<number> {
    return this.#store.count(table);
  }

  statistics(): StoreStatistics {
    return this.#store.statistics();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** A committer in slow motion: the test says when a batch is sealed and how it ends. */
export class HandCommitter {
  readonly #participants = new Set<Participant>();
  #waiters: ((error: OperationalError | null) => void)[] = [];
  #sealed: { batch: Batch; participants: readonly Participant[]; waiters: ((error: OperationalError | null) => void)[] } | null = null;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  get isJoined(): boolean {
    return this.#participants.size > 0;
  }

  get isSealed(): boolean {
    return this.#sealed !== null;
  }

  join(participant: Participant): void {
    this.#participants.add(participant);
  }

  durable(): Promise<OperationalError | null> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  seal(): void {
    const batch = new Batch();
    const participants = [...this.#participants];
    this.#participants.clear();
    this.#sealed = { batch, participants, waiters: this.#waiters };
    this.#waiters = [];
    for (const participant of participants) participant.persist(batch);
  }

  /** Ends the sealed batch; `onSettled` is called in the moment in which its outcome is known. */
  async finish(isFull = false, onSettled?: () => void): Promise<Batch> {
    const { batch, participants, waiters } = this.#sealed ?? { batch: new Batch(), participants: [], waiters: [] };
    this.#sealed = null;
    if (!isFull) await this.#store.commit(batch);
    const error = isFull ? new OperationalError('store.full', 'the disk is full', { retryable: true }) : null;
    for (const participant of participants) participant.settled(error);
    for (const waiter of waiters) waiter(error);
    onSettled?.();
    return batch;
  }

  async commit(): Promise<Batch> {
    this.seal();
    return this.finish();
  }
}

/** Retained messages with everything around them in the test's hands. */
export interface TestHouse {
  readonly store: TestStore;
  readonly committer: HandCommitter;
  readonly counters: Counters;
  readonly retained: Retained;
  readonly time: { ms: number };
  readonly clock: Clock;
  /** Moves time on, and calls whom that concerns. */
  advance(ms: number): void;
  reopen(settings?: Partial<RetainedSettings>): Promise<Retained>;
}

export async function openHouse(settings: Partial<RetainedSettings> = {}, manner: StoreManner = 'knows'): Promise<TestHouse> {
  const store = new TestStore(manner);
  const committer = new HandCommitter(store);
  const counters = new Counters();
  const time = { ms: 1_000_000 };
  let alarms: { readonly atMs: number; readonly callback: () => void }[] = [];
  const after: Clock['after'] = (delayMs, callback) => {
    alarms.push({ atMs: time.ms + delayMs, callback });
    return () => {};
  };
  const now = (): number => time.ms;
  const clock: Clock = { wallMs: now, monotonicMs: now, turnWallMs: now, turnMs: now, after };
  const advance = (ms: number): void => {
    time.ms += ms;
    const due = alarms.filter(({ atMs }) => atMs <= time.ms);
    alarms = alarms.filter(({ atMs }) => atMs > time.ms);
    for (const { callback } of due) callback();
  };
  const options = {
    store,
    committer: committer as unknown as Committer,
    clock,
    onDropped: (_message: Message, reason: DropReason) => void (counters.dropped[reason] += 1),
    // A store that must be read is read each time; the other's cache is small enough to forget.
    footprintsMax: manner === 'knows' ? 4 : 0,
    log: silentLogger,
    settings: { ...plainSettings, ...settings },
  };
  const reopen = (others: Partial<RetainedSettings> = {}): Promise<Retained> =>
    Retained.open({ ...options, settings: { ...options.settings, ...others } });
  return { store, committer, counters, time, clock, advance, reopen, retained: await reopen() };
}

export function message(topic: string, payload: string, expiryInterval?: number, receivedAtMs = 1_000_000): Message {
  const properties = expiryInterval === undefined ? {} : { properties: { messageExpiryInterval: expiryInterval } };
  return createMessage({ topic, payload, qos: 1, retain: true, publisher: 'test', receivedAtMs, ...properties });
}

export async function readAll(retained: Retained, filter: string, limit = 100): Promise<string[]> {
  const cursor = retained.read(filter);
  const found: string[] = [];
  for (let page = await cursor.next(limit); page.length > 0; page = await cursor.next(limit)) {
    for (const one of page) found.push(`${one.topic}=${one.payload.toString()}`);
  }
  return found.sort();
}

/** Lets everything that the store was asked be answered. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await new Promise(setImmediate);
}
