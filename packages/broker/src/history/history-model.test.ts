import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit';
import fc from 'fast-check';
import type { Message, MessageFields } from '#message/message.ts';
import { randomFrom, SimulatedDisk } from '#store/journal/simulated-disk.ts';
import type { FollowedLog } from './history.ts';
import type { HistoryQuery } from './message-history.ts';
import { modelOf, plain, readAll, TestHistory, testSettings } from './test-history.ts';

/** One is changed for the other by a crash. */
const otherSettings = testSettings();
const settings = testSettings({ rules: { own: { filter: 'a/#', enabled: true, bytesMax: 2 ** 30, ageMaxMs: 10 ** 9 } } });
const topics = ['a', 'a/b', 'b', 'b/c', 'b/d', 'c/ü/e', 'c//e', ...Array.from({ length: 40 }, (_, i) => `many/${i}`)];
const filters = ['#', 'a', 'a/#', '+/c', 'b/+', '+', 'c/+/e', 'many/7', 'many/+', 'none/#', ...topics.slice(0, 4)];

interface Logged {
  readonly offset: number;
  readonly message: Message;
}

/** A log in which every message is a record, on disk at once. */
class ModelLog implements FollowedLog {
  nextOffset = 1;
  records: Logged[] = [];

  append(message: Message): number {
    message.offset = this.nextOffset;
    this.nextOffset += 1;
    this.records.push({ offset: message.offset, message });
    return message.offset;
  }

  releaseAt(base: number): void {
    this.records = this.records.filter(({ offset }) => offset !== base);
  }

  async *kept(after: number): AsyncGenerator<Message> {
    for (const { offset, message } of this.records) if (message.isKept && offset > after) yield message;
  }
}

/** A history, its log and what should be in it; it survives its crashes. */
class World {
  readonly #random: () => number;
  readonly log = new ModelLog();
  #disk: SimulatedDisk;
  #settings = settings;
  #test!: TestHistory;
  /** What is kept, in order. */
  #kept: { offset: number; message: Message }[] = [];
  #flushed = 0;
  #published = 0;
  /** Every offset that was ever given, and to which message. */
  readonly #given = new Map<number, string>();
  /** What the log had, by its payload: it must be there for ever. */
  readonly #owed = new Set<string>();

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.#disk = new SimulatedDisk(this.#random);
  }

  async open(): Promise<void> {
    const clock = new FakeClock(this.#test === undefined ? undefined : this.#test.clock.wallMs());
    this.#test = await TestHistory.open(this.#disk, { settings: this.#settings, clock });
    const { history } = this.#test;
    history.follow(this.log);
    this.log.nextOffset = Math.max(this.log.nextOffset, history.logOffset + 1);
    await history.catchUp(this.log);
    // Nobody else reads them, and all of it is flushed: the log drops what nobody reads.
    this.log.records = [];
  }

  publish(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const topic = topics[Math.floor(this.#random() ** 2 * topics.length)];
      const qos = Math.floor(this.#random() * 3) as 0 | 1 | 2;
      this.#published += 1;
      const payload = `${this.#published}:`.padEnd(Math.floor(this.#random() ** 4 * 3000), 'x');
      const expiry = this.#random() < 0.1 ? { properties: { messageExpiryInterval: 1 + Math.floor(this.#random() * 20) } } : {};
      this.#publishOne({ topic, qos, payload, publisher: `p${Math.floor(this.#random() * 5)}`, ...expiry }, this.#random() < 0.4);
      if (this.#random() < 0.3) this.#test.clock.advance(Math.floor(this.#random() * 300));
    }
  }

  #publishOne(fields: MessageFields | (Partial<MessageFields> & { topic: string }), isLogged: boolean): void {
    const { history } = this.#test;
    const one = this.#test.publish(fields, isLogged ? (message) => this.log.append(message) : undefined)!;
    assert.ok(!this.#given.has(one.offset), 'no offset is given twice');
    this.#given.set(one.offset, idOf(one.message));
    this.#kept.push(one);
    if (!isLogged) return;
    this.#owed.add(idOf(one.message));
    history.hold(one.message.offset);
  }

  async flush(): Promise<void> {
    const count = this.#kept.length;
    await this.#test.history.flush();
    this.#flushed = count;
    assert.equal(this.#test.history.flushedOffset, this.#test.history.nextOffset);
    assert.equal(this.log.records.length, 0);
  }

  async restart(): Promise<void> {
    const { nextOffset } = this.#test.history;
    await this.#test.history.close();
    this.#flushed = this.#kept.length;
    await this.open();
    assert.equal(this.#test.history.nextOffset, nextOffset);
  }

  /** The process, or the power, is gone some operations of the disk later. */
  async crash(operations: number, kind: 'kill' | 'power'): Promise<void> {
    this.#disk.fault = { operation: this.#disk.operations + 1 + operations, code: 'crash' };
    void this.#test.history.flush();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#random() < 0.4) this.#settings = this.#settings === settings ? otherSettings : settings;
    this.#disk = kind === 'kill' ? this.#disk.afterKill() : this.#disk.afterPowerCut();
    await this.open();
    const entries = await readAll(this.#test.history.read({ filter: '#' }));
    // Expired messages are there and not shown: the model cannot tell them from those that are lost, so that it forgets them.
    const nowMs = this.#test.clock.wallMs();
    const ids = entries.map(({ message }) => idOf(message));
    assert.equal(new Set(ids).size, ids.length, 'nothing is there twice');
    const found = new Set(ids);
    for (const [index, { message }] of this.#kept.entries()) {
      if (message.isExpired(nowMs)) continue;
      const isSafe = index < this.#flushed || this.#owed.has(idOf(message));
      assert.ok(!isSafe || found.has(idOf(message)), `${idOf(message)} is lost`);
    }
    for (const isOwn of [true, false]) {
      const order = entries.filter(({ message }) => message.topic.startsWith('a') === isOwn && this.#owed.has(idOf(message)));
      const numbers = order.map(({ message }) => Number(idOf(message)));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
    }
    for (const { offset, message } of entries) {
      const id = this.#given.get(offset);
      assert.ok(id === undefined || id === idOf(message), 'no offset is given twice');
      this.#given.set(offset, idOf(message));
    }
    this.#kept = entries.map(({ offset, message }) => ({ offset, message }));
    this.#flushed = this.#kept.length;
  }

  async query(index: number, places: readonly [number, number], lastPerTopic: number): Promise<void> {
    const [from, to] = places.map((place) => this.#kept[Math.floor(place * this.#kept.length)]);
    const query: HistoryQuery = {
      filter: filters[index % filters.length],
      ...(index % 2 === 0 && from !== undefined ? { after: from.offset } : {}),
      ...(index % 3 === 0 && to !== undefined ? { before: to.offset } : {}),
      ...(index % 5 === 0 && from !== undefined ? { fromMs: from.message.receivedAtMs } : {}),
      ...(index % 7 === 0 && to !== undefined ? { toMs: to.message.receivedAtMs } : {}),
      ...(lastPerTopic > 0 ? { lastPerTopic } : {}),
    };
    const { history, clock } = this.#test;
    const entries = await readAll(history.read(query), 1 + (index % 50));
    assert.deepEqual(entries.map(plain), modelOf(this.#kept, query, clock.wallMs()), JSON.stringify(query));
    if (from === undefined) return;
    const tail = history.tail(query.filter, from.offset, Infinity);
    if (tail === null) return;
    assert.deepEqual(tail.map(plain), modelOf(this.#kept, { filter: query.filter, after: from.offset - 1 }, clock.wallMs()));
  }

  close(): Promise<void> {
    return this.#test.history.close();
  }
}

function idOf({ payload }: Message): string {
  return payload.toString().split(':')[0];
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      operations: fc.nat(20),
      way: fc.constantFrom('kill' as const, 'power' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('query' as const),
      index: fc.nat(10_000),
      places: fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.double({ min: 0, max: 0.999, noNaN: true })),
      last: fc.nat(4),
    }),
  },
);

test('whatever is published, flushed, restarted and crashed, readings find what an array would, and nothing owed is lost or twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 40 }), async (seed, steps) => {
      const world = new World(seed);
      await world.open();
      for (const one of steps) {
        if (one.kind === 'publish') world.publish(one.count);
        else if (one.kind === 'flush') await world.flush();
        else if (one.kind === 'restart') await world.restart();
        else if (one.kind === 'crash') await world.crash(one.operations, one.way);
        else await world.query(one.index, one.places, one.last);
      }
      await world.close();
    }),
    { seed: Number(process.env['HISTORY_SEED'] ?? 20261121), numRuns: Number(process.env['HISTORY_RUNS'] ?? 60) },
  );
});
