import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomFrom, SimulatedDisk } from '#store/journal/simulated-disk.ts';
import { modelOf, plain, readAll, type Kept, TestHistory } from './test-history.ts';

const TOPICS = 9;

/** Publishes so many messages, and has them written now and then. */
async function publishMany(kept: TestHistory, count: number): Promise<Kept[]> {
  const messages: Kept[] = [];
  for (let i = 0; i < count; i += 1) {
    const one = kept.publish({ topic: `t/${i % TOPICS}`, payload: `${i}`.padEnd(i % 50, 'x') });
    if (one !== null) messages.push(one);
    if (i % 10 === 0) kept.clock.advance(100);
    if (i % 100 === 99) await kept.history.flush();
  }
  await kept.history.flush();
  await kept.history.settle();
  return messages;
}

/** What is there is as it was published, in order, and the same by topic; returns how many there are. */
async function assertSound({ history, clock }: TestHistory, kept: readonly Kept[]): Promise<number> {
  const entries = await readAll(history.read({ filter: '#' }));
  const offsets = new Set(entries.map(({ offset }) => offset));
  const left = kept.filter(({ offset }) => offsets.has(offset));
  assert.deepEqual(entries.map(plain), left.map(plain));
  for (const filter of ['t/3', 't/+', 'none']) {
    const query = { filter, lastPerTopic: 4 };
    assert.deepEqual((await readAll(history.read({ filter }))).map(plain), modelOf(left, { filter }, clock.wallMs()));
    assert.deepEqual((await readAll(history.read(query))).map(plain), modelOf(left, query, clock.wallMs()));
  }
  return entries.length;
}

test('whichever byte of whichever segment is damaged, the rest is found, and nothing wrong', async () => {
  const random = randomFrom(20_261_121);
  const disk = new SimulatedDisk(random);
  const first = await TestHistory.open(disk);
  const kept = await publishMany(first, 600);
  await first.history.close();
  const names = disk.files.filter((name) => name.startsWith('segment-'));
  assert.ok(names.length >= 4);
  for (let round = 0; round < 300; round += 1) {
    const damaged = disk.afterKill();
    const name = names[Math.floor(random() * names.length)];
    const bytes = Buffer.from(damaged.contentOf(name));
    const at = Math.floor(random() * bytes.length);
    bytes[at] ^= 1 << Math.floor(random() * 8);
    damaged.replace(name, bytes);
    const after = await TestHistory.open(damaged, { clock: first.clock });
    const count = await assertSound(after, kept);
    const entries = await readAll(after.history.read({ filter: '#' }));
    const missed = entries.reduce((sum, entry) => sum + entry.missed, 0);
    const isSetAside = damaged.files.includes(`damaged-${name}`);
    const isLast = name === names.at(-1);
    // Before the first entry, and behind the last, nobody asked for anything that could be missing.
    if (!isSetAside && !isLast && name !== names[0]) assert.equal(missed, kept.length - count, `byte ${at} of ${name}`);
    if (count < kept.length && !isSetAside && !isLast) assert.ok(after.history.statistics().gaps.damaged >= kept.length - count);
    await after.history.close();
    const again = await TestHistory.open(damaged, { clock: first.clock });
    assert.equal(await assertSound(again, kept), count);
    await again.history.close();
  }
});

test('a full disk costs the oldest first, then what is new, which is counted; it resumes by itself', async () => {
  const disk = new SimulatedDisk(randomFrom(1), 60_000);
  const full = await TestHistory.open(disk, { bytesMax: 1e9 });
  const kept = await publishMany(full, 3000);
  assert.equal(kept.length, 3000);
  const count = await assertSound(full, kept);
  assert.ok(count > 100 && count < 1500, `${count}`);
  assert.ok(full.history.statistics().segmentsDeleted > 0);
  disk.bytesMax = 0;
  const lost = await publishMany(full, 300);
  full.publish({ topic: 't/last' });
  assert.ok(lost.length < 300);
  const { gaps } = full.history.statistics();
  assert.ok(gaps['disk-refused'] > 200, `${gaps['disk-refused']}`);
  disk.bytesMax = 1e9;
  full.clock.advance(3000);
  await full.history.flush();
  full.clock.advance(3000);
  const after = await publishMany(full, 100);
  assert.equal(after.length, 100);
  const entries = await readAll(full.history.read({ filter: '#', after: kept.at(-1)!.offset }));
  const resumed = entries.findIndex(({ offset }) => offset === after[0].offset);
  const missed = entries.slice(0, resumed + 1).reduce((sum, entry) => sum + entry.missed, 0);
  assert.ok(resumed >= 0 && missed >= 300 - resumed, `${missed} missed, ${resumed} found`);
  await full.history.close();
});

test('whichever operation of the disk fails, nothing throws, and what is not counted as missed is there after a restart', async () => {
  for (const code of ['EIO', 'ENOSPC'] as const) {
    for (let operation = 1; operation < 160; operation += 1) {
      const disk = new SimulatedDisk(randomFrom(operation));
      disk.fault = { operation, code };
      const first = await TestHistory.open(disk);
      const kept = await publishMany(first, 300);
      const { gaps, segmentsDeleted } = first.history.statistics();
      disk.fault = null;
      const before = await assertSound(first, kept);
      await first.history.close();
      const after = await TestHistory.open(disk, { clock: first.clock });
      const count = await assertSound(after, kept);
      // A message that was refused may be there all the same: the disk takes parts of what it refuses.
      const facts = `${code} at ${operation}: ${count}, ${before} before, of ${kept.length}, ${gaps['disk-refused']} refused`;
      assert.ok(count >= before && (segmentsDeleted > 0 || before >= kept.length - gaps['disk-refused']), facts);
      await after.history.close();
    }
  }
});

test('while the store has no room on the disk, the history gives way to it, segment by segment, and goes on afterwards', async () => {
  const disk = new SimulatedDisk(randomFrom(2), 1e6);
  let isFull = false;
  const full = await TestHistory.open(disk, { bytesMax: 1e9, isStoreFull: () => isFull });
  await publishMany(full, 1000);
  const { segments } = full.history.statistics();
  isFull = true;
  const look = async (): Promise<void> => {
    full.clock.advance(1000);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let i = 0; i < 3; i += 1) await look();
  assert.equal(full.history.statistics().segments, segments - 3);
  assert.equal(full.publish({ topic: 'a' }), null);
  isFull = false;
  for (let i = 0; i < 3; i += 1) await look();
  assert.notEqual(full.publish({ topic: 'a' }), null);
  const elsewhere = await TestHistory.open(new SimulatedDisk(randomFrom(2), 1e9), { isStoreFull: () => true });
  elsewhere.clock.advance(5000);
  await look();
  assert.notEqual(elsewhere.publish({ topic: 'a' }), null, 'a bound of the store alone is none of the disk');
  await full.history.close();
  await elsewhere.history.close();
});
