import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import { createMessage, type Message, NOT_LOGGED } from '#message/message.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import fc from 'fast-check';
import { Committer } from './committer.ts';
import { Log } from './log.ts';
import { Batch, type Table } from './store.ts';

/** Notes which records are written, and can refuse. */
class WatchedStore extends MemoryStore {
  isFull = false;
  written: number[] = [];
  deleted: number[] = [];
  beforeGet: (() => Promise<void>) | null = null;

  override async commit(batch: Batch): Promise<void> {
    if (this.isFull) throw new OperationalError('store.full', 'the disk is full', { retryable: true });
    for (const { table, key, value } of batch.changes) {
      if (table === 'log') (value === null ? this.deleted : this.written).push(Number(key.readBigUInt64BE()));
    }
    await super.commit(batch);
  }

  override async get(table: Table, key: Buffer): Promise<Buffer | null> {
    const value = await super.get(table, key);
    await this.beforeGet?.();
    return value;
  }
}

let store: WatchedStore;
let clock: FakeClock;
let committer: Committer;
let log: Log;

beforeEach(() => {
  store = new WatchedStore();
  clock = new FakeClock();
  open();
});

function open(): void {
  committer = new Committer(store, clock, (error) => assert.fail(error));
  log = new Log(store, committer, silentLogger);
}

/** The next process; `held` are the records that readers refer to. */
async function reopen(held: readonly number[]): Promise<void> {
  await committer.flush();
  open();
  await log.load();
  for (const base of held) log.reacquire(base);
  log.dropUnread();
  await committer.flush();
}

function message(payload: string, padding = 0): Message {
  return createMessage({ topic: 't', payload: payload.padEnd(padding), publisher: 'p', receivedAtMs: 0 });
}

/** A message that somebody reads. */
function append(payload: string, padding = 0): Message {
  const made = message(payload, padding);
  log.acquire(made);
  return made;
}

async function text(one: { recordBase: number; offset: number }): Promise<string | null> {
  return (await log.read(one.recordBase, one.offset))?.payload.toString().trimEnd() ?? null;
}

async function turns(count = 6): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
}

describe('the log', () => {
  test('writes the messages of a batch as one record, each once, however many read it', async () => {
    const [first, second] = [append('m1'), append('m2')];
    log.acquire(first);
    await committer.flush();
    assert.deepEqual(store.written, [1]);
    assert.deepEqual([first.recordBase, first.offset, second.recordBase, second.offset], [1, 1, 1, 2]);
    assert.deepEqual([await text(first), await text(second)], ['m1', 'm2']);
    assert.equal(log.records, 1);
  });

  test('never writes what all its readers were done with before the batch is sealed', async () => {
    const [first, second, third] = [append('m1'), append('m2'), append('m3')];
    for (const done of [first, third]) log.release(done);
    await committer.flush();
    assert.deepEqual([await log.read(2, 1), await text(second)], [null, 'm2']);
    assert.equal(first.recordBase, NOT_LOGGED);
    const value = await store.get('log', offsetKey(2));
    assert.equal(value?.readUInt16BE(0), 1);
    log.release(second);
    await committer.flush();
    assert.deepEqual([await store.count('log'), log.records], [0, 0]);
  });

  test('lets a small record take in what comes later, and frees it with its last reader', async () => {
    const messages: Message[] = [];
    for (let index = 0; index < 10; index += 1) {
      messages.push(append(`m${index}`));
      await committer.flush();
    }
    assert.deepEqual([...new Set(store.written)], [1]);
    for (const [index, one] of messages.entries()) assert.equal(await text(one), `m${index}`);
    for (const one of messages.slice(1)) log.release(one);
    await committer.flush();
    assert.equal(await store.count('log'), 1);
    log.release(messages[0]);
    await committer.flush();
    assert.equal(await store.count('log'), 0);
  });

  test('begins another record when the last one is large enough', async () => {
    const large = append('large', 3000);
    await committer.flush();
    const small = append('small');
    await committer.flush();
    assert.notEqual(large.recordBase, small.recordBase);
    const added = append('added', 3000);
    await committer.flush();
    assert.deepEqual(store.written, [1, 2, 3]);
    assert.deepEqual([await text(large), await text(small), await text(added)], ['large', 'small', 'added']);
  });

  test('splits a large batch into records, and keeps a message that is larger than a record whole', async () => {
    const messages = [append('a', 600_000), append('b', 600_000), append('c', 3_000_000), append('d')];
    await committer.flush();
    assert.equal(new Set(messages.map(({ recordBase }) => recordBase)).size, 4);
    assert.deepEqual(await Promise.all(messages.map(text)), ['a', 'b', 'c', 'd']);
  });

  test('frees the records of a segment together', async () => {
    const messages: Message[] = [];
    for (let index = 0; index < 200; index += 1) {
      messages.push(append(`m${index}`, 2500));
      await committer.flush();
    }
    assert.equal(await store.count('log'), 200);
    for (const one of messages.slice(0, 63)) log.release(one);
    await committer.flush();
    assert.equal(await store.count('log'), 200);
    log.release(messages[63]);
    await committer.flush();
    assert.deepEqual([store.deleted.length, log.records], [64, 136]);
    for (const one of messages.slice(64)) assert.notEqual(await text(one), null);
    for (const one of messages.slice(64)) log.release(one);
    await committer.flush();
    assert.deepEqual([await store.count('log'), log.records], [0, 0]);
  });

  test('takes a message in again whose last reader was done', async () => {
    const again = append('again');
    await committer.flush();
    log.release(again);
    await committer.flush();
    log.acquire(again);
    await committer.flush();
    assert.equal(await text(again), 'again');
    log.release(again);
    log.acquire(again);
    log.release(again);
    const never = append('never');
    log.release(never);
    await committer.flush();
    log.acquire(never);
    await committer.flush();
    assert.equal(await text(never), 'never');
  });
});

describe('a log that is loaded', () => {
  test('keeps what is held and frees the rest', async () => {
    const messages: Message[] = [];
    for (let index = 0; index < 130; index += 1) {
      messages.push(append(`m${index}`, 2500));
      await committer.flush();
    }
    const held = messages[70];
    await reopen([held.recordBase, held.recordBase]);
    assert.equal(log.records, 64);
    assert.equal(await text(held), 'm70');
    log.releaseAt(held.recordBase);
    await committer.flush();
    assert.equal(await text(held), 'm70');
    log.releaseAt(held.recordBase);
    await committer.flush();
    assert.equal(await store.count('log'), 0);
  });

  test('gives no offset again that a stored message has', async () => {
    const stored = Array.from({ length: 20 }, (_, index) => append(`m${index}`));
    await reopen([1]);
    const next = append('next');
    assert.ok(stored.every(({ offset }) => offset < next.offset));
  });

  test('gives no offset again that a reader still refers to, though its record is gone', async () => {
    assert.equal(log.reacquire(100_000), false);
    const next = append('next');
    await committer.flush();
    assert.ok(next.offset > 100_000 + 65_535);
    log.releaseAt(100_000);
    await committer.flush();
    assert.equal(await text(next), 'next');
  });

  test('reads a missing record, and a missing message of a record, as null', async () => {
    const lost = append('lost', 2500);
    await committer.flush();
    const kept = append('kept');
    await committer.flush();
    const batch = new Batch();
    batch.delete('log', offsetKey(lost.recordBase));
    await store.commit(batch);
    assert.equal(await log.read(kept.recordBase, kept.offset + 50), null);
    assert.equal(await text(kept), 'kept');
    assert.equal(log.isDamaged(77), false);
  });

  test('calls a record damaged that should be there and is not, and one in quarantine', async () => {
    const lost = append('lost');
    await committer.flush();
    const batch = new Batch();
    batch.delete('log', offsetKey(lost.recordBase));
    batch.put('quarantine', Buffer.concat([Buffer.from('log/'), offsetKey(500)]), Buffer.alloc(1));
    await store.commit(batch);
    assert.equal(await text(lost), null);
    assert.deepEqual([log.isDamaged(lost.recordBase), log.isDamaged(500)], [true, false]);
    await reopen([]);
    assert.equal(log.isDamaged(500), true);
  });

  test('finds what a record took in while it was read', async () => {
    const first = append('first');
    await committer.flush();
    const second = message('second');
    store.beforeGet = async () => {
      store.beforeGet = null;
      log.acquire(second);
      await committer.flush();
    };
    assert.equal(await text(first), 'first');
    assert.equal(second.recordBase, first.recordBase);
    assert.deepEqual([await text(second), await text(first)], ['second', 'first']);
  });
});

describe('when the disk is full, the log', () => {
  test('writes with the next batch what is still read, under the same offsets', async () => {
    store.isFull = true;
    const [kept, dropped] = [append('kept'), append('dropped')];
    await turns();
    log.release(dropped);
    store.isFull = false;
    clock.advance(250);
    await committer.flush();
    assert.deepEqual([kept.offset, await text(kept)], [1, 'kept']);
  });

  test('does not write again what nobody reads any more', async () => {
    store.isFull = true;
    const dropped = append('dropped', 3000);
    await turns();
    log.release(dropped);
    store.isFull = false;
    clock.advance(250);
    await committer.flush();
    assert.deepEqual([store.written, await store.count('log'), log.records], [[], 0, 0]);
  });

  test('does not write again what nobody reads any more, though its neighbours are read', async () => {
    const neighbour = append('neighbour', 3000);
    await committer.flush();
    store.isFull = true;
    const dropped = append('dropped', 3000);
    await turns();
    log.release(dropped);
    store.isFull = false;
    clock.advance(250);
    await committer.flush();
    assert.deepEqual([store.written, await text(neighbour), log.records], [[1], 'neighbour', 2]);
  });

  test('writes again what a growing record was to take in, and what comes next', async () => {
    const first = append('first');
    await committer.flush();
    store.isFull = true;
    const second = append('second');
    await turns();
    const third = append('third');
    clock.advance(250);
    await turns();
    store.isFull = false;
    clock.advance(250);
    await committer.flush();
    assert.deepEqual([await text(first), await text(second), await text(third)], ['first', 'second', 'third']);
  });

  test('frees with the next batch what could not be freed', async () => {
    const done = append('done');
    await committer.flush();
    store.isFull = true;
    log.release(done);
    await turns();
    clock.advance(250);
    await turns();
    store.isFull = false;
    clock.advance(250);
    await committer.flush();
    assert.equal(await store.count('log'), 0);
  });
});

test('whatever is acquired, released, refused and restarted, the log has what is read and in the end nothing', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        padding: fc.constantFrom(0, 0, 700, 3000),
        readers: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('release' as const), at: fc.nat(1000) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('acquire' as const), at: fc.nat(1000) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('full' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120 }), async (steps) => {
      store = new WatchedStore();
      open();
      /** One entry for each reader. */
      let readers: { text: string; message: Message }[] = [];
      let count = 0;
      const commit = async (): Promise<void> => {
        store.isFull = false;
        clock.advance(250);
        await committer.flush();
      };
      for (const one of steps) {
        if (one.kind === 'append') {
          const payload = `m${count++}`;
          const made = append(payload, one.padding);
          for (let i = 1; i < one.readers; i += 1) log.acquire(made);
          for (let i = 0; i < one.readers; i += 1) readers.push({ text: payload, message: made });
        } else if (one.kind === 'release' && readers.length > 0) {
          const [{ message: done }] = readers.splice(one.at % readers.length, 1);
          log.release(done);
        } else if (one.kind === 'acquire' && readers.length > 0) {
          const reader = readers[one.at % readers.length];
          log.acquire(reader.message);
          readers.push(reader);
        } else if (one.kind === 'full') {
          store.isFull = true;
          await turns();
        } else if (one.kind === 'commit') await commit();
        else if (one.kind === 'restart') {
          await commit();
          await reopen(readers.map(({ message: { recordBase } }) => recordBase));
          readers = await Promise.all(
            readers.map(async ({ text: payload, message: { recordBase, offset } }) => ({
              text: payload,
              message: (await log.read(recordBase, offset))!,
            })),
          );
        }
      }
      await commit();
      for (const { text: payload, message: one } of readers) assert.equal(await text(one), payload);
      for (const { message: one } of readers) log.release(one);
      await commit();
      assert.deepEqual([await store.count('log'), log.records], [0, 0]);
    }),
    { numRuns: 60 },
  );
});

function offsetKey(offset: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(offset));
  return bytes;
}
