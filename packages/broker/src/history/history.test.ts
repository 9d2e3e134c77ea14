import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import type { MessageFields } from '#message/message.ts';
import { NodeDisk } from '#store/journal/node-disk.ts';
import { MemoryDisk } from './memory-disk.ts';
import type { HistoryQuery } from './message-history.ts';
import { DAY_MS, type Kept, modelOf, plain, readAll, TestHistory, testSettings } from './test-history.ts';

/** Publishes `count` messages over a few topics, some time apart. */
async function publishMany(test: TestHistory, count: number): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (let i = 0; i < count; i += 1) {
    const fields: Partial<MessageFields> = { payload: `${i}`.repeat(1 + (i % 7)), publisher: `client-${i % 3}`, qos: (i % 3) as 0 | 1 | 2 };
    const one = test.publish({ topic: `room/${i % 11}/temperature`, retain: i % 5 === 0, ...fields });
    if (one !== null) kept.push(one);
    test.clock.advance(i % 4);
    if (i % 50 === 0) await test.history.flush();
  }
  return kept;
}

async function assertFinds(test: TestHistory, kept: readonly Kept[], query: HistoryQuery): Promise<void> {
  const entries = await readAll(test.history.read(query), 7);
  assert.deepEqual(entries.map(plain), modelOf(kept, query, test.clock.wallMs()), JSON.stringify(query));
}

for (const kind of ['files', 'memory']) {
  describe(`the history in ${kind}`, () => {
    const diskFor = async (t: TestContext) => {
      if (kind === 'memory') return new MemoryDisk(64 * 1024 * 1024);
      const directory = await tempDirectory();
      t.after(() => directory.remove());
      return new NodeDisk(directory.path);
    };

    it('gives back what was published, whole and in order, by topic, filter, time and offset', async (t) => {
      const test = await TestHistory.open(await diskFor(t));
      const kept = await publishMany(test, 1500);
      assert.equal(kept.length, 1500);
      assert.ok(test.history.statistics().segments > 5);
      const middle = kept[700];
      for (const filter of ['#', 'room/3/temperature', 'room/+/temperature', '+/1/#', 'room/none', 'room/#', '$SYS/#']) {
        await assertFinds(test, kept, { filter });
        await assertFinds(test, kept, { filter, after: middle.offset });
        await assertFinds(test, kept, { filter, before: middle.offset, after: 20 });
        await assertFinds(test, kept, { filter, fromMs: middle.message.receivedAtMs, toMs: kept[900].message.receivedAtMs });
        await assertFinds(test, kept, { filter, lastPerTopic: 10 });
        await assertFinds(test, kept, { filter, lastPerTopic: 3, before: middle.offset });
      }
      await test.history.close();
    });

    it('finds all of it again after a start, and goes on behind it', async (t) => {
      const disk = await diskFor(t);
      const before = await TestHistory.open(disk);
      const kept = await publishMany(before, 700);
      await before.history.close();
      const after = await TestHistory.open(disk, { clock: before.clock });
      assert.equal(after.history.nextOffset, kept.at(-1)!.offset + 1);
      for (const filter of ['#', 'room/3/temperature', 'room/+/temperature']) {
        await assertFinds(after, kept, { filter });
        await assertFinds(after, kept, { filter, lastPerTopic: 2 });
      }
      kept.push(...(await publishMany(after, 300)));
      await assertFinds(after, kept, { filter: '#' });
      await assertFinds(after, kept, { filter: 'room/4/temperature' });
      await after.history.close();
    });

    it('keeps properties, expiry and payloads of every size, and leaves out what has expired', async (t) => {
      const test = await TestHistory.open(await diskFor(t));
      const kept = [0, 1, 47, 48, 127, 128, 40_000, 2_000_000].map((bytes, index) =>
        test.publish({
          topic: 'größe/€',
          payload: Buffer.alloc(bytes, index),
          properties: { contentType: 'x', userProperties: [['a', 'b']], ...(index === 3 ? { messageExpiryInterval: 10 } : {}) },
        })!,
      );
      await assertFinds(test, kept, { filter: '#' });
      await test.history.flush();
      await assertFinds(test, kept, { filter: 'größe/€' });
      test.clock.advance(10_000);
      assert.equal((await readAll(test.history.read({ filter: '#' }))).length, 7);
      await test.history.close();
    });

    it('keeps no $ topics, none that are excluded, and rules on shelves of their own', async (t) => {
      const rule = { enabled: true, bytesMax: 2 ** 20, ageMaxMs: DAY_MS };
      const rules = { loud: { ...rule, filter: 'loud/#' }, off: { ...rule, filter: '+/off', enabled: false } };
      const test = await TestHistory.open(await diskFor(t), { settings: testSettings({ exclude: ['secret/#'], rules }) });
      const topics = ['a', '$SYS/x', 'secret/a', 'loud/1', 'b/off', 'loud/off', 'b'];
      const kept = topics.map((topic) => test.publish({ topic }));
      assert.deepEqual(
        kept.map((one) => one?.message.topic),
        ['a', undefined, undefined, 'loud/1', undefined, 'loud/off', 'b'],
      );
      assert.ok(topics.every((topic, index) => test.history.keeps(topic) === (kept[index] !== null)));
      await test.history.flush();
      assert.equal(test.history.statistics().segments, 2);
      const some = kept.filter((one) => one !== null);
      await assertFinds(test, some, { filter: '#' });
      await assertFinds(test, some, { filter: '#', lastPerTopic: 1 });
      await test.history.close();
    });

    it('tells how many messages are missing in between', async (t) => {
      const test = await TestHistory.open(await diskFor(t), { settings: testSettings({ qos0BytesPerSecond: 100 }) });
      for (let i = 0; i < 20; i += 1) test.publish({ topic: 'a', qos: i % 5 === 0 ? 1 : 0, payload: 'x'.repeat(20) });
      const entries = await readAll(test.history.read({ filter: '#' }));
      assert.deepEqual(
        entries.map(({ missed }) => missed),
        [0, 0, 0, 2, 4, 4],
      );
      const { gaps } = test.history.statistics();
      assert.equal(gaps['qos0-budget'], 14);
      assert.equal(test.history.tail('a', entries[4].offset, 10)![0].missed, 4);
      await test.history.flush();
      const later = await readAll(test.history.read({ filter: '#', after: entries[3].offset }));
      assert.deepEqual(
        later.map(({ missed }) => missed),
        [4, 4],
      );
      await test.history.close();
    });

    it('deletes the oldest above its bytes and age, while readings go on', async (t) => {
      const test = await TestHistory.open(await diskFor(t), { settings: testSettings({ bytesMax: 40_000 }) });
      const reading = test.history.read({ filter: '#' });
      const kept = await publishMany(test, 500);
      const page = await reading.next(10);
      kept.push(...(await publishMany(test, 4000)));
      await test.history.flush();
      await test.history.settle();
      const { bytes, segmentsDeleted } = test.history.statistics();
      assert.ok(segmentsDeleted > 0 && bytes < 60_000, `${bytes}`);
      const rest = await readAll(reading);
      const offsets = [...page, ...rest].map(({ offset }) => offset);
      assert.deepEqual(
        offsets,
        offsets.toSorted((a, b) => a - b),
      );
      assert.equal(offsets.at(-1), kept.at(-1)!.offset);
      assert.ok(offsets.length < kept.length);
      test.clock.advance(8 * DAY_MS);
      await test.history.settle();
      assert.equal(test.history.statistics().messages, 0);
      await test.history.close();
    });

    it('reads the newest at once from memory, and carries on behind it', async (t) => {
      const test = await TestHistory.open(await diskFor(t));
      const kept = await publishMany(test, 300);
      const { history } = test;
      const from = kept[290].offset;
      assert.deepEqual(history.tail('room/#', from, 100)!.map(plain), kept.slice(290).map(plain));
      assert.equal(history.tail('room/#', from, 5), null);
      assert.deepEqual(history.tail('none', from, 5), []);
      const reading = history.read({ filter: '#', after: from });
      assert.equal((await readAll(reading)).length, 9);
      assert.equal(reading.position, history.nextOffset);
      test.publish({ topic: 'room/live' });
      assert.equal((await reading.next(10))[0].message.topic, 'room/live');
      assert.ok(reading.isDone);
      await history.close();
    });
  });
}

/** A disk whose files open when the test lets them. */
class GatedDisk extends MemoryDisk {
  gate: Promise<void> = Promise.resolve();

  override async open(name: string) {
    await this.gate;
    return super.open(name);
  }
}

it('a reading goes on with what is left when retention deletes what it is about to read', async () => {
  for (const query of [{ filter: '#' }, { filter: 'room/3/temperature' }, { filter: 'room/3/temperature', lastPerTopic: 200 }]) {
    const disk = new GatedDisk(64 * 1024 * 1024);
    const kept = await TestHistory.open(disk, { settings: testSettings({ bytesMax: 20_000 }) });
    const { history } = kept;
    const messages = await publishMany(kept, 400);
    await history.settle();
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.gate = promise;
    const page = history.read(query).next(10_000);
    messages.push(...(await publishMany(kept, 1000)));
    await history.settle();
    assert.ok(history.statistics().firstOffset! > messages[399].offset);
    resolve();
    const offsets = (await page).map(({ offset }) => offset);
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => a - b),
    );
    if (query.lastPerTopic === undefined) assert.ok(offsets.length > 10 && offsets.at(-1)! > messages[1300].offset);
    await history.close();
  }
});

it('a history that was never on is empty, and one that is switched on and off keeps accordingly', async () => {
  const kept = await TestHistory.open(new MemoryDisk(64 * 1024 * 1024), { settings: testSettings({ enabled: false }) });
  const { history } = kept;
  assert.equal(kept.publish({ topic: 'a' }), null);
  assert.deepEqual(await readAll(history.read({ filter: '#' })), []);
  assert.deepEqual(await readAll(history.read({ filter: '#', lastPerTopic: 1 })), []);
  assert.deepEqual(history.tail('#', 1, 10), []);
  history.reconfigure(testSettings({ qos0BytesPerSecond: Infinity }));
  assert.notEqual(kept.publish({ topic: 'a', qos: 0 }), null);
  kept.clock.advance(1000);
  history.reconfigure(testSettings({ qos0BytesPerSecond: 0 }));
  assert.equal(kept.publish({ topic: 'a', qos: 0 }), null);
  history.reconfigure(testSettings({ enabled: false }));
  assert.equal(kept.publish({ topic: 'a' }), null);
  assert.equal((await readAll(history.read({ filter: '#' }))).length, 1);
  await history.close();
});

it('names that share much of their length do not make a segment that takes more memory than room', async () => {
  const kept = await TestHistory.open(new MemoryDisk(64 * 1024 * 1024), { segmentBytes: 2 ** 30 });
  for (let number = 0; number < 700; number += 1) {
    kept.publish({ topic: `${'x'.repeat(60_000)}${number}` });
    if (number % 100 === 0) await kept.history.flush();
  }
  assert.equal(kept.history.statistics().segments, 2);
  assert.equal((await readAll(kept.history.read({ filter: '#' }))).length, 700);
  await kept.history.close();
});
