import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/logger.ts';
import { Batch, type Table } from '#store/store.ts';
import { CHECKPOINT } from './checkpoint.ts';
import type { CheckpointPace } from './checkpointer.ts';
import type { Disk } from './disk.ts';
import type { JournalStore } from './journal-store.ts';
import { openJournal } from './open-journal.ts';
import { randomFrom, SimulatedDisk } from './simulated-disk.ts';

const MIB = 1024 * 1024;
const eager: CheckpointPace = { changes: 100, bytes: Infinity };
const never: CheckpointPace = { changes: Infinity, bytes: Infinity };

function open(disk: Disk, pace: CheckpointPace, bytesMax = Infinity): Promise<JournalStore> {
  return openJournal({
    disk,
    directory: '/data',
    log: silentLogger,
    clock: systemClock,
    bytesMax,
    pace,
    onClosed: () => Promise.resolve(),
  });
}

/** Commits records of 20 KB, so that there are several segments, in two tables; some replace or delete earlier ones. */
async function fill(store: JournalStore, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1) {
    const batch = new Batch();
    batch.put(tableOf(i), keyOf(i % 170), Buffer.alloc(20_000, i));
    if (i % 5 === 0) batch.delete(tableOf(i + 1), keyOf((i + 1) % 170));
    await store.commit(batch);
  }
}

function tableOf(i: number): Table {
  return i % 2 === 0 ? 'retained' : 'queue';
}

function keyOf(i: number): Buffer {
  return Buffer.from(`key ${(i * 7919) % 1000}`);
}

/** A store of several segments with a checkpoint somewhere before its end, as a kill leaves it. */
async function makeKilled(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(randomFrom(1));
  const store = await open(disk, eager);
  await fill(store, 0, 300);
  while (!disk.files.includes(CHECKPOINT)) await new Promise((resolve) => setImmediate(resolve));
  await fill(store, 300, 320);
  const killed = disk.afterKill();
  await store.close();
  return killed;
}

async function contentsOf(store: JournalStore): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const table of ['retained', 'queue'] as const) {
    for await (const page of store.scan(table)) for (const { key, value } of page) found.set(`${table} ${key.toString()}`, value[0]);
  }
  return found;
}

/** The disk, with how many bytes were read of each file. */
function counted(disk: SimulatedDisk): { disk: Disk; read: Map<string, number> } {
  const read = new Map<string, number>();
  const openCounted = async (name: string) => {
    const file = await disk.open(name);
    return {
      ...file,
      read: (into: Buffer, offset: number) => {
        read.set(name, (read.get(name) ?? 0) + into.length);
        return file.read(into, offset);
      },
    };
  };
  return { disk: new Proxy(disk, { get: (target, name) => (name === 'open' ? openCounted : bound(target, name)) }), read };
}

function bound(target: object, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target) as unknown;
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

/** What the same files hold without their checkpoint. */
async function withoutCheckpoint(disk: SimulatedDisk): Promise<Map<string, number>> {
  const copy = disk.afterKill();
  copy.lose(CHECKPOINT);
  const store = await open(copy, never);
  const contents = await contentsOf(store);
  await store.close();
  return contents;
}

test('a restart reads the checkpoint and the journal behind it, of the segments before only their ends', async () => {
  const killed = await makeKilled();
  const expected = await withoutCheckpoint(killed);
  const { disk, read } = counted(killed);
  const store = await open(disk, never);
  const [first] = [...read.keys()].filter((name) => name.startsWith('journal-')).sort();
  assert.ok(read.get(CHECKPOINT)! > 1000);
  assert.ok(read.get(first)! < 100, `${read.get(first)} bytes of ${first}`);
  assert.deepEqual(await contentsOf(store), expected);
  await store.close();
});

test('a store that goes on from a checkpoint writes the next ones', async () => {
  const disk = await makeKilled();
  const store = await open(disk, eager);
  const before = disk.contentOf(CHECKPOINT);
  await fill(store, 320, 1500);
  assert.notDeepEqual(disk.contentOf(CHECKPOINT), before);
  const contents = await contentsOf(store);
  const killed = disk.afterKill();
  await store.close();
  const again = await open(killed, never);
  assert.deepEqual(await contentsOf(again), contents);
  assert.equal(again.statistics().recordsQuarantined, 0);
  await again.close();
});

const spoilt: readonly [string, (disk: SimulatedDisk) => void][] = [
  ['is missing', (disk) => disk.lose(CHECKPOINT)],
  ['is empty', (disk) => disk.replace(CHECKPOINT, Buffer.alloc(0))],
  ['has lost its end', (disk) => disk.replace(CHECKPOINT, disk.contentOf(CHECKPOINT).subarray(0, 500))],
  ['has a wrong bit in a page', (disk) => (disk.contentOf(CHECKPOINT)[700] ^= 1)],
  ['has a wrong bit in its footer', (disk) => (disk.contentOf(CHECKPOINT)[disk.contentOf(CHECKPOINT).length - 100] ^= 1)],
];
for (const [what, spoil] of spoilt) {
  test(`where the checkpoint ${what} the whole journal is replayed`, async () => {
    const disk = await makeKilled();
    const expected = await withoutCheckpoint(disk);
    spoil(disk);
    const store = await open(disk, never);
    assert.deepEqual(await contentsOf(store), expected);
    await store.close();
  });
}

test('an old checkpoint is as good as a new one, as long as the segment where it ends is there', async () => {
  const disk = await makeKilled();
  const old = Buffer.from(disk.contentOf(CHECKPOINT));
  const store = await open(disk, eager);
  await fill(store, 320, 420);
  const contents = await contentsOf(store);
  await store.close();
  assert.notDeepEqual(disk.contentOf(CHECKPOINT), old);
  disk.replace(CHECKPOINT, old);
  const again = await open(disk, never);
  assert.deepEqual(await contentsOf(again), contents);
  await again.close();
});

test('a checkpoint of another store is of no use', async () => {
  const disk = await makeKilled();
  const expected = await withoutCheckpoint(disk);
  const other = new SimulatedDisk(randomFrom(2));
  await (await open(other, never)).close();
  other.replace(CHECKPOINT, disk.contentOf(CHECKPOINT));
  const store = await open(other, never);
  assert.equal((await contentsOf(store)).size, 0);
  assert.ok(expected.size > 0);
  await store.close();
});

test('a record that went bad in a segment that is not read at start is named when it is read', async () => {
  const killed = await makeKilled();
  const expected = await withoutCheckpoint(killed);
  const [segment] = killed.files.filter((name) => name.startsWith('journal-')).sort();
  let lost = 0;
  for (let at = 100_000; at < 1_000_000; at += 100_000) {
    const disk = killed.afterKill();
    disk.contentOf(segment).fill(0, at, at + 30_000);
    const store = await open(disk, never);
    const found = await contentsOf(store);
    await store.commit(new Batch());
    const missing = [...expected.keys()].filter((name) => !found.has(name));
    assert.equal(store.statistics().recordsQuarantined, missing.length);
    for (const name of missing) assert.notEqual(await store.get('quarantine', Buffer.from(name.replace(' ', '/'))), null, name);
    assert.deepEqual(found, new Map([...expected].filter(([name]) => !missing.includes(name))));
    lost += missing.length;
    await store.close();
  }
  assert.ok(lost > 0);
});

test('a disk without room for a checkpoint has none, and the store goes on', async () => {
  const disk = new SimulatedDisk(randomFrom(3));
  const store = await open(disk, { changes: 2000, bytes: Infinity }, 4.5 * MIB);
  const batch = new Batch();
  for (let i = 0; i < 4000; i += 1) batch.put('retained', Buffer.from(`${i}`.padStart(300, 'x')), Buffer.alloc(0));
  await store.commit(batch);
  await fill(store, 0, 10);
  assert.equal(await store.count('retained'), 4005);
  await store.close();
  assert.ok(!disk.files.some((name) => name.startsWith(CHECKPOINT)), disk.files.join());
});
