/** What is on the disk after the process or the machine has ended at any call to the file system. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit';
import type { StoreOp } from '#store/session-store.ts';
import { describeSession, openAndDescribe, SessionScript } from '#store/test-session-model.ts';
import { FileStore, type FileStoreOptions } from './file-store.ts';
import { TestDisk, TestProcesses } from './test-disk.ts';

const SEGMENT_BYTES = 400;
const BATCHES = 60;

interface Run {
  readonly batches: readonly StoreOp[][];
  readonly disk: TestDisk;
  readonly processes: TestProcesses;
  /** Batches whose append had resolved. */
  readonly stored: number;
  readonly appended: number;
}

function makeBatches(seed: number): StoreOp[][] {
  const script = new SessionScript(seededRandom(seed));
  return Array.from({ length: BATCHES }, () => script.nextBatch()).filter((batch) => batch.length > 0);
}

/** Appends the batches of a seed, some at once, until the disk dies at this call, or they are stored and the store is closed. */
async function run(seed: number, deathAt: number, options: FileStoreOptions): Promise<Run> {
  const random = seededRandom(seed + 1);
  const disk = new TestDisk(random);
  const processes = new TestProcesses();
  const batches = makeBatches(seed);
  disk.onCall = () => (disk.calls.length === deathAt ? 'die' : undefined);
  const store = new FileStore('/data', options, { fileSystem: disk, processes, segmentBytes: SEGMENT_BYTES });
  let stored = 0;
  let appended = 0;
  try {
    await openAndDescribe(store);
    while (appended < batches.length) {
      const together = 1 + Math.floor(random() * 4);
      const appends = batches.slice(appended, appended + together).map((batch) => store.append(batch).then(() => (stored += 1)));
      appended += appends.length;
      await Promise.all(appends);
    }
    await store.close();
  } catch {
    assert.ok(disk.isDead);
  }
  return { batches, disk, processes, stored, appended };
}

/** Opens what is left: it must be what some number of batches amounts to, at least `stored`. Then it must go on as ever. */
async function check({ batches, processes, stored, appended }: Run, disk: TestDisk, what: string, isPrefixEnough: boolean): Promise<void> {
  processes.replace();
  const surroundings = { fileSystem: disk, processes, segmentBytes: SEGMENT_BYTES };
  const store = new FileStore('/data', {}, surroundings);
  const found = await openAndDescribe(store).catch((error: unknown) => assert.fail(`${what}: ${String(error)}`));
  const least = isPrefixEnough ? 0 : stored;
  const counts = Array.from({ length: appended - least + 1 }, (_, more) => least + more);
  const count = counts.find((candidate) => describeSession(batches.slice(0, candidate).flat()) === found);
  assert.ok(count !== undefined, `${what}: ${stored} of ${appended} batches were stored, found is\n${found}`);
  const more: StoreOp[] = [{ op: 'out.put', seq: 1_000n, qos: 1, packet: Uint8Array.of(1, 2, 3) }];
  await store.append(more);
  await store.close();
  const again = await openAndDescribe(new FileStore('/data', {}, surroundings));
  assert.equal(again, describeSession([...batches.slice(0, count).flat(), ...more]), `${what}, opened again`);
}

const seeds = [12, 14];

for (const seed of seeds) {
  test(`whatever call the process dies at, what was stored is there, in whole batches (seed ${seed})`, async () => {
    const whole = await run(seed, Infinity, {});
    assert.equal(whole.stored, whole.batches.length);
    const kinds = new Set(whole.disk.calls.map(({ kind }) => kind));
    for (const kind of ['write', 'sync', 'rename', 'remove', 'syncDirectory'] as const) assert.ok(kinds.has(kind), `no ${kind} in it`);
    for (let deathAt = 1; deathAt <= whole.disk.calls.length; deathAt += 1) {
      const killed = await run(seed, deathAt, {});
      await check(killed, killed.disk.afterKill(), `seed ${seed}, killed at call ${deathAt}`, false);
    }
  });

  test(`whatever call the power fails at, what was stored is there, in whole batches (seed ${seed})`, async () => {
    const { disk } = await run(seed, Infinity, {});
    for (let deathAt = 1; deathAt <= disk.calls.length; deathAt += 1) {
      const cut = await run(seed, deathAt, {});
      await check(cut, cut.disk.afterPowerCut(), `seed ${seed}, power cut at call ${deathAt}`, false);
    }
  });
}

test('without syncs a killed process loses nothing, and a power cut only the last batches', async () => {
  const seed = 13;
  for (const sync of ['never', 'interval'] as const) {
    const { disk } = await run(seed, Infinity, { sync });
    for (let deathAt = 1; deathAt <= disk.calls.length; deathAt += 1) {
      const killed = await run(seed, deathAt, { sync });
      await check(killed, killed.disk.afterKill(), `seed ${seed}, ${sync}, killed at call ${deathAt}`, false);
      const cut = await run(seed, deathAt, { sync });
      await check(cut, cut.disk.afterPowerCut(), `seed ${seed}, ${sync}, power cut at call ${deathAt}`, true);
    }
  }
});

test('without syncs a compaction brings to the disk first what made its garbage', async () => {
  // Of what is not synced nothing survives, of names everything.
  const disk = new TestDisk(() => 0);
  const processes = new TestProcesses();
  const store = new FileStore('/data', { sync: 'never' }, { fileSystem: disk, processes, segmentBytes: 300 });
  await openAndDescribe(store);
  const batches: StoreOp[][] = [];
  const append = async (op: StoreOp): Promise<void> => {
    batches.push([op]);
    await store.append([op]);
  };
  for (let seq = 1n; seq <= 5n; seq += 1n) await append({ op: 'out.put', seq, qos: 1, packet: new Uint8Array(100) });
  let release!: () => void;
  const released = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
  const compacting = new Promise<void>((resolve) => {
    disk.onCall = ({ kind, path }) => {
      if (kind !== 'open' || !path.endsWith('00000001.log')) return undefined;
      resolve();
      return released;
    };
  });
  await append({ op: 'out.done', seq: 1n });
  await compacting;
  await append({ op: 'out.done', seq: 2n });
  release();
  while (!disk.calls.some(({ kind }) => kind === 'rename')) await new Promise(setImmediate);
  const cut = { batches, disk, processes, stored: 0, appended: batches.length };
  await check(cut, disk.afterPowerCut(), 'power cut after the compaction', true);
});
