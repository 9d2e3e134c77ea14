import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/logger.ts';
import { Delivery } from '#message/delivery.ts';
import { createMessage, type QoS } from '#message/message.ts';
import { Committer } from '#store/committer.ts';
import { Log } from '#store/log.ts';
import { MemoryStore } from '#store/memory/memory-store.ts';
import type { Batch, ScanRange, StoredRecord, Table } from '#store/store.ts';
import { DurableQueue, queueKey, type QueueOwner } from './durable-queue.ts';

/** A store whose reading of messages and pages a test can hold up. */
class HeldStore extends MemoryStore {
  isHeld = false;
  #waiting: (() => void)[] = [];

  override async get(table: Table, key: Buffer): Promise<Buffer | null> {
    const value = await super.get(table, key);
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return value;
  }

  override async *scan(table: Table, range?: ScanRange): AsyncGenerator<readonly StoredRecord[]> {
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    yield* super.scan(table, range);
  }

  /** Lets one reader go on; true when there was one. */
  step(): boolean {
    const next = this.#waiting.shift();
    next?.();
    return next !== undefined;
  }

  go(): void {
    this.isHeld = false;
    while (this.step());
  }
}

let store: HeldStore;
let committer: Committer;
let log: Log;
let queue: DurableQueue;
let damaged: number;
let restored: Delivery[];
let isConnected: boolean;

beforeEach(() => {
  store = new HeldStore();
  isConnected = true;
  open();
});

function open(): void {
  committer = new Committer(store, systemClock, (error) => assert.fail(error));
  log = new Log(store, committer, silentLogger);
  damaged = 0;
  restored = [];
  let isJoined = false;
  const participant = {
    persist(batch: Batch): void {
      isJoined = false;
      queue.persist(batch);
    },
    settled: () => queue.settled(false),
  };
  const owner: QueueOwner = {
    number: 1,
    get isConnected() {
      return isConnected;
    },
    onQueueChanged() {
      if (!isJoined) committer.join(participant);
      isJoined = true;
    },
    onRestored: (delivery) => void restored.push(delivery),
    onQueueLoaded() {},
    onDamaged: () => (damaged += 1),
    onRefused() {},
    onRecorded() {},
    numberOf: () => 0,
    groupOf: () => null,
  };
  queue = new DurableQueue(owner, store, log);
}

/** Opens the house again on what is stored. */
async function reopen(): Promise<void> {
  await committer.flush();
  open();
  await log.load();
  for await (const page of store.scan('queue')) for (const { key, value } of page) queue.restore(key.readUIntBE(4, 6), value);
  log.dropUnread();
}

function append(name: string, qos: QoS = 1): Delivery {
  // Large enough that a record holds only what came with one batch.
  const payload = `${name} ${'.'.repeat(500)}`;
  const message = createMessage({ topic: 't', payload, qos, publisher: 'p', receivedAtMs: 0 });
  const delivery = new Delivery(message, qos, false, null);
  queue.append(delivery, false);
  return delivery;
}

/** Appends messages `from` to `to`, each with a batch of its own, so that they spread over many records. */
async function fill(from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    append(String(number));
    if (number % 64 === 0) await committer.flush();
  }
  await committer.flush();
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Everything that the queue hands out, loading as it must. */
async function drain(): Promise<number[]> {
  const numbers: number[] = [];
  let idle = 0;
  while (idle < 3) {
    const delivery = queue.next();
    if (delivery === null) {
      idle += 1;
      await turns();
      continue;
    }
    idle = 0;
    numbers.push(Number.parseInt(delivery.message.payload.toString(), 10));
    queue.done(delivery);
  }
  return numbers;
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

test('what comes while a page is read back is handed out after it, and nothing is lost', async () => {
  await fill(1, 500);
  const numbers: number[] = [];
  store.isHeld = true;
  for (let next = queue.next(); next !== null; next = queue.next()) numbers.push(Number.parseInt(next.message.payload.toString(), 10));
  await turns();
  assert.ok(numbers.length < 400, 'some lie on disk only');
  await fill(501, 900);
  store.go();
  await turns();
  assert.deepEqual([...numbers, ...(await drain())], upTo(900));
});

test('a message that comes while older ones are read back one by one does not overtake them', async () => {
  await fill(1, 130);
  await reopen();
  store.isHeld = true;
  assert.equal(queue.next(), null);
  const numbers: number[] = [];
  for (let number = 131; numbers.length < 140; number += 1) {
    if (number <= 140) append(String(number));
    store.step();
    await turns();
    for (let next = queue.next(); next !== null; next = queue.next()) numbers.push(Number.parseInt(next.message.payload.toString(), 10));
  }
  assert.deepEqual(numbers, upTo(140));
});

test('two that want the next page at the same time get it once', async () => {
  await fill(1, 300);
  await reopen();
  store.isHeld = true;
  const primings = [queue.prime(), queue.prime()];
  assert.equal(queue.next(), null);
  store.go();
  await Promise.all(primings);
  assert.deepEqual(await drain(), upTo(300));
});

test('a queue that is being read when the store closes stops reading', async () => {
  await fill(1, 300);
  await reopen();
  store.isHeld = true;
  const priming = queue.prime();
  await store.close();
  store.go();
  await priming;
  assert.equal(queue.next(), null);
});

test('a purge frees what had a packet identifier before the restart, too', async () => {
  for (let i = 1; i <= 10; i += 1) {
    const delivery = append(String(i), 2);
    assert.equal(queue.next(), delivery);
    delivery.packetId = i;
    delivery.state = 1;
    queue.changed(delivery);
  }
  await committer.flush();
  await reopen();
  await queue.purge(() => {});
  await committer.flush();
  assert.equal(restored.length, 0);
  assert.equal(await store.count('queue'), 0);
  assert.equal(await store.count('log'), 0);
});

test('a delivery whose message is gone because the client had it is not called damaged; one whose record is damaged is', async () => {
  await fill(1, 3);
  const bases = new Set<number>();
  for await (const page of store.scan('log')) for (const { key } of page) bases.add(Number(key.readBigUInt64BE()));
  const batch = { changes: [...bases].map((base) => ({ table: 'log' as const, key: keyOf(base), value: null })) } as unknown as Batch;
  await store.commit(batch);
  await reopen();
  assert.deepEqual(await drain(), []);
  assert.equal(damaged, 0);

  store = new HeldStore();
  open();
  await fill(1, 3);
  await store.commit({
    changes: [
      { table: 'log', key: keyOf(1), value: null },
      { table: 'quarantine', key: Buffer.concat([Buffer.from('log/'), keyOf(1)]), value: Buffer.from('?') },
    ],
  } as unknown as Batch);
  await reopen();
  assert.deepEqual(await drain(), []);
  assert.equal(damaged, 3);
});

test('a message that is acquired again after its last reader was done is appended again', async () => {
  const first = append('again');
  await committer.flush();
  queue.done(queue.next()!);
  await committer.flush();
  assert.equal(await store.count('log'), 0);
  queue.append(new Delivery(first.message, 1, false, null), false);
  await committer.flush();
  assert.equal(await store.count('log'), 1);
  await reopen();
  assert.equal(queue.waiting, 1);
  await queue.prime();
  assert.match(queue.next()!.message.payload.toString(), /^again /);
  assert.equal(await store.get('queue', queueKey(2, 1)), null);
});

function keyOf(base: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(base));
  return key;
}
