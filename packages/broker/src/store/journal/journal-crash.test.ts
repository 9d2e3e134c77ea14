import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import { Batch, tables, type Store } from '#store/store.ts';
import type { JournalStore } from './journal-store.ts';
import { openJournal } from './open-journal.ts';
import { randomFrom, SimulatedDisk, type Random } from './simulated-disk.ts';

const KIB = 1024;
const keysMax = 40;
/** What a journal holds after each batch, as text; the empty journal first. */
type History = string[];

test('an interrupted journal opens to a whole number of commits, with every one that was acknowledged, whatever operation was the last', async () => {
  for (const seed of [1, 2]) {
    const { disk: whole } = await run(seed, new SimulatedDisk(randomFrom(seed), 3 * KIB * KIB));
    assert.ok(whole.operations > 150);
    for (let operation = 1; operation <= whole.operations; operation += 1 + (operation % 2)) {
      for (const hasPowerCut of [false, true]) {
        const disk = new SimulatedDisk(randomFrom(seed * 1000 + operation), 3 * KIB * KIB);
        disk.fault = { operation, code: 'crash' };
        const { history, acknowledged } = await run(seed, disk);
        await assertRecovers(
          hasPowerCut ? disk.afterPowerCut() : disk.afterKill(),
          history,
          acknowledged,
          `seed ${seed} operation ${operation} power cut ${hasPowerCut}`,
        );
      }
    }
  }
});

test('a journal that crashes again while it recovers and cleans loses nothing either', async () => {
  const seed = 7;
  const first = new SimulatedDisk(randomFrom(seed), 3 * KIB * KIB);
  first.fault = { operation: 260, code: 'crash' };
  const { history, acknowledged } = await run(seed, first);
  for (let operation = 1; operation < 40; operation += 1) {
    let disk = first.afterPowerCut();
    for (let round = 0; round < 3; round += 1) {
      disk.fault = { operation, code: 'crash' };
      await orCrash(
        disk,
        open(disk).then((store) => store.close()),
      );
      disk = disk.afterPowerCut();
    }
    await assertRecovers(disk, history, acknowledged, `operation ${operation}`);
  }
});

test('what a restart found and built upon is still there after a power cut, though the killed process had not flushed it', async () => {
  const seed = 9;
  const { disk: whole } = await run(seed, new SimulatedDisk(randomFrom(seed), 3 * KIB * KIB));
  for (let operation = 1; operation <= whole.operations; operation += 2) {
    const first = new SimulatedDisk(randomFrom(seed * 1000 + operation), 3 * KIB * KIB);
    first.fault = { operation, code: 'crash' };
    const { history, acknowledged } = await run(seed, first);
    const disk = first.afterKill();
    const store = await open(disk);
    const found = history.lastIndexOf(await contents(store));
    await store.commit(batchOf('later', 100));
    const again = await open(disk.afterPowerCut());
    assert.equal((await again.get('meta', Buffer.from('later')))?.length, 100, `operation ${operation}`);
    const deletion = new Batch();
    deletion.delete('meta', Buffer.from('later'));
    await again.commit(deletion);
    assert.ok(found >= acknowledged);
    assert.equal(await contents(again), history[found], `operation ${operation}`);
    await again.close();
  }
});

test('whichever disk operation fails, the commit is refused or the store stops, and what was acknowledged is there afterwards', async () => {
  const seed = 3;
  const { disk: whole } = await run(seed, new SimulatedDisk(randomFrom(seed), 3 * KIB * KIB));
  for (let operation = 1; operation <= whole.operations; operation += 1) {
    for (const code of ['EIO', 'ENOSPC'] as const) {
      const disk = new SimulatedDisk(randomFrom(seed * 1000 + operation), 3 * KIB * KIB);
      disk.fault = { operation, code };
      const { history, acknowledged, errors } = await run(seed, disk);
      for (const error of errors)
        assert.ok(error.code === 'store.failed' || error.code === 'store.full', `${operation} ${code}: ${error.message}`);
      await assertRecovers(disk.afterPowerCut(), history, acknowledged, `operation ${operation} ${code}`);
    }
  }
});

test('after a failed write every later commit is refused with the same error', async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  const store = await open(disk);
  await store.commit(batchOf('a', 10));
  disk.fault = { operation: disk.operations + 1, code: 'EIO' };
  await assert.rejects(store.commit(batchOf('b', 10)), { code: 'store.failed', retryable: false });
  disk.fault = null;
  await assert.rejects(store.commit(batchOf('c', 10)), { code: 'store.failed', retryable: false });
  await store.close();
  const again = await open(disk.afterKill());
  assert.equal((await again.get('meta', Buffer.from('a')))?.length, 10);
  assert.equal(await again.get('meta', Buffer.from('c')), null);
});

test('a disk that is full refuses what grows the store, takes deletions, and serves again when there is room', async () => {
  const disk = new SimulatedDisk(randomFrom(1), 2 * KIB * KIB);
  const store = await open(disk);
  const acknowledged: string[] = [];
  let refusal: OperationalError | null = null;
  for (let i = 0; refusal === null; i += 1) {
    await store.commit(batchOf(`k${i}`, 5000)).then(
      () => acknowledged.push(`k${i}`),
      (error: OperationalError) => (refusal = error),
    );
  }
  assert.equal((refusal as OperationalError).code, 'store.full');
  assert.equal((refusal as OperationalError).retryable, true);
  assert.ok(acknowledged.length > 150, `${acknowledged.length}`);
  for (const key of acknowledged) assert.equal((await store.get('meta', Buffer.from(key)))?.length, 5000);
  await assert.rejects(store.commit(batchOf('refused', 5000)), { code: 'store.full' });
  assert.equal(await store.get('meta', Buffer.from('refused')), null);
  // Replacing frees nothing: half of the reserve is for that, so that readers can note how far they are.
  let replaced = 0;
  const replace = async (): Promise<void> => {
    for (; replaced < 1000; replaced += 1) await store.commit(batchOf(acknowledged[0], 5000));
  };
  await assert.rejects(replace(), { code: 'store.full' });
  assert.ok(replaced > 0, 'nothing could be replaced');
  const deletion = new Batch();
  for (const key of acknowledged.splice(0, 100)) deletion.delete('meta', Buffer.from(key));
  await store.commit(deletion);
  // What was deleted makes room by itself.
  await retryUntilTaken(store, 'after deletion', 5000);
  await fill(store);
  disk.bytesMax *= 2;
  await store.commit(batchOf('after growth', 5000));
  for (const key of [...acknowledged, 'after deletion', 'after growth']) {
    assert.equal((await store.get('meta', Buffer.from(key)))?.length, 5000, key);
  }
  await store.close();
});

for (const bytes of [100, 150, 250, 400, 600, 1100].map((kib) => kib * KIB)) {
  test(`a disk that is full of records of ${bytes / KIB} KiB takes deletions`, async () => {
    for (const bytesMax of [4, 4.25, 4.5, 4.75, 5, 5.25].map((mib) => mib * KIB * KIB)) {
      const store = await open(new SimulatedDisk(randomFrom(1)), bytesMax);
      const acknowledged: string[] = [];
      let isFull = false;
      for (let i = 0; !isFull; i += 1) {
        await store.commit(batchOf(`k${i}`, bytes)).then(
          () => acknowledged.push(`k${i}`),
          () => (isFull = true),
        );
      }
      assert.ok(acknowledged.length > 1, `${acknowledged.length} at ${bytesMax}`);
      for (const key of acknowledged) {
        const deletion = new Batch();
        deletion.delete('meta', Buffer.from(key));
        await store.commit(deletion);
      }
      await retryUntilTaken(store, 'after deletion', bytes);
      await store.close();
    }
  });
}

test('a full disk lets the store close and open again', async () => {
  const disk = new SimulatedDisk(randomFrom(1), 2 * KIB * KIB);
  const store = await open(disk);
  await fill(store);
  const count = await store.count('meta');
  await store.close();
  const again = await open(disk);
  assert.equal(await again.count('meta'), count);
  await assert.rejects(again.commit(batchOf('more', 5000)), { code: 'store.full' });
  const deletion = new Batch();
  for await (const page of again.scan('meta')) for (const { key } of page) deletion.delete('meta', key);
  await again.commit(deletion);
  assert.equal(await again.count('meta'), 0);
  await again.close();
});

test('bytesMax bounds what the store takes', async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  const store = await open(disk, 4 * KIB * KIB);
  await fill(store);
  assert.ok(store.statistics().bytesOnDisk <= 4 * KIB * KIB + KIB);
  assert.ok((await store.count('meta')) > 300);
  await store.close();
});

test('cleaning keeps the files near the size of what lives, and what lives intact', async () => {
  const disk = new SimulatedDisk(randomFrom(1), 16 * KIB * KIB);
  const store = await open(disk);
  const lasting = new Batch();
  for (let i = 0; i < 200; i += 1) lasting.put('retained', Buffer.from(`lasting ${i}`), Buffer.alloc(1000, i));
  await store.commit(lasting);
  for (let i = 0; i < 3000; i += 1) {
    const batch = new Batch();
    batch.put('queue', Buffer.from(`q${i}`), Buffer.alloc(20_000, i));
    if (i >= 5) batch.delete('queue', Buffer.from(`q${i - 5}`));
    await store.commit(batch);
  }
  assert.ok(store.statistics().bytesOnDisk <= 12 * KIB * KIB, `${store.statistics().bytesOnDisk}`);
  assert.equal(await store.count('queue'), 5);
  await store.close();
  const again = await open(disk);
  for (let i = 0; i < 200; i += 1) assert.ok((await again.get('retained', Buffer.from(`lasting ${i}`)))?.equals(Buffer.alloc(1000, i)));
  await again.close();
});

/** Often enough that every test sees checkpoints at all their stages. */
const pace = { changes: 40, bytes: Infinity };

function open(disk: SimulatedDisk, bytesMax = Infinity): Promise<JournalStore> {
  const onClosed = () => Promise.resolve();
  return openJournal({ disk, directory: '/data', log: silentLogger, clock: systemClock, bytesMax, pace, onClosed });
}

interface Run {
  readonly disk: SimulatedDisk;
  readonly history: History;
  /** How many commits of the history were acknowledged. */
  readonly acknowledged: number;
  readonly errors: OperationalError[];
}

/** Opens a journal, commits seeded batches, reopens it once on the way, closes it; ends early when the disk crashes. */
async function run(seed: number, disk: SimulatedDisk): Promise<Run> {
  const random = randomFrom(seed);
  const model = new Map<string, string>();
  const history = [textOf(model)];
  const errors: OperationalError[] = [];
  let acknowledged = 0;
  const work = async (): Promise<void> => {
    let store = await open(disk);
    for (let i = 0; i < 90; i += 1) {
      const batch = randomBatch(random);
      const before = new Map(model);
      apply(model, batch);
      history.push(textOf(model));
      try {
        await store.commit(batch);
        acknowledged = history.length - 1;
      } catch (error) {
        assert.ok(error instanceof OperationalError, String(error));
        errors.push(error);
        if (!error.retryable) break;
        // Refused: nothing of it was applied, and the same may come again later.
        history.pop();
        model.clear();
        for (const [key, value] of before) model.set(key, value);
      }
      if (i === 60) {
        await store.close();
        store = await open(disk);
      }
    }
    await store.close();
  };
  await orCrash(
    disk,
    work().catch((error: unknown) => {
      assert.ok(error instanceof OperationalError || (error instanceof Error && error.message.includes('simulated')), String(error));
      if (error instanceof OperationalError) errors.push(error);
    }),
  );
  return { disk, history, acknowledged, errors };
}

/** Waits for the work, or until the disk has stopped for good. */
async function orCrash(disk: SimulatedDisk, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  work.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  let turnsIdle = 0;
  let operations = -1;
  while (!isDone && turnsIdle < 5) {
    turnsIdle = disk.operations === operations ? turnsIdle + 1 : 0;
    operations = disk.operations;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function assertRecovers(disk: SimulatedDisk, history: History, acknowledged: number, what: string): Promise<void> {
  const store = await open(disk).catch((error: Error) => assert.fail(`${what}: ${error.message}`));
  const found = await contents(store);
  const at = history.lastIndexOf(found);
  assert.ok(at !== -1, `${what}: the contents are no state between two commits`);
  assert.ok(at >= acknowledged, `${what}: ${acknowledged} commits were acknowledged, ${at} are there`);
  assert.equal(store.statistics().recordsQuarantined, 0, what);
  // It goes on from there.
  await store.commit(batchOf('goes on', 3000));
  assert.equal((await store.get('meta', Buffer.from('goes on')))?.length, 3000, what);
  await store.close();
}

function randomBatch(random: Random): Batch {
  const batch = new Batch();
  const changes = 1 + Math.floor(random() * 6);
  for (let i = 0; i < changes; i += 1) {
    const key = Buffer.from(`key ${Math.floor(random() * keysMax)}`);
    const table = tables[Math.floor(random() * 3)];
    if (random() < 0.4) batch.delete(table, key);
    else batch.put(table, key, Buffer.alloc(Math.floor(random() * 12_000), Math.floor(random() * 256)));
  }
  return batch;
}

function apply(model: Map<string, string>, batch: Batch): void {
  for (const { table, key, value } of batch.changes) {
    if (value === null) model.delete(`${table} ${key.toString()}`);
    else model.set(`${table} ${key.toString()}`, `${value.length}:${value[0] ?? ''}:${value.at(-1) ?? ''}`);
  }
}

async function contents(store: Store): Promise<string> {
  const found = new Map<string, string>();
  for (const table of tables) {
    for await (const page of store.scan(table)) {
      for (const { key, value } of page) found.set(`${table} ${key.toString()}`, `${value.length}:${value[0] ?? ''}:${value.at(-1) ?? ''}`);
    }
  }
  return textOf(found);
}

function textOf(model: ReadonlyMap<string, string>): string {
  return [...model]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join('\n');
}

function batchOf(key: string, bytes: number): Batch {
  const batch = new Batch();
  batch.put('meta', Buffer.from(key), Buffer.alloc(bytes, 1));
  return batch;
}

async function fill(store: Store): Promise<void> {
  for (let i = 0; ; i += 1) {
    try {
      await store.commit(batchOf(`fill ${i}`, 5000));
    } catch (error) {
      assert.equal((error as OperationalError).code, 'store.full');
      return;
    }
  }
}

async function retryUntilTaken(store: Store, key: string, bytes: number): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    try {
      return await store.commit(batchOf(key, bytes));
    } catch (error) {
      assert.equal((error as OperationalError).code, 'store.full');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  assert.fail('the store stays full');
}
