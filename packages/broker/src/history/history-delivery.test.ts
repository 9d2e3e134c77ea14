import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { silentLogger } from '#base/logger.ts';
import type { HistoryPosition } from '#topic/history-position.ts';
import { HistoryDelivery } from './history-delivery.ts';
import type { HistoryEntry } from './message-history.ts';
import type { HistoryReceiver } from './reading-job.ts';
import { TestReadingHistory } from './test-reading-history.ts';

/** Takes so many messages until it is told to take more. */
class Receiver implements HistoryReceiver {
  readonly offsets: number[] = [];
  readonly positions: HistoryPosition[] = [];
  pacedAs: object = {};
  filter = '#';
  isStored = false;
  capacity: number;
  isGone = false;
  /** So many messages at most in the turn in which it becomes live. */
  restMax = Infinity;
  finished = 0;
  canFinish = true;
  #position: HistoryPosition;
  #waiting: (() => void)[] = [];

  constructor(capacity: number, position: HistoryPosition) {
    this.capacity = capacity;
    this.#position = position;
  }

  get position(): HistoryPosition {
    return this.#position;
  }

  set position(position: HistoryPosition) {
    this.#position = position;
    this.positions.push(position);
  }

  isReady(): boolean {
    return this.capacity > 0;
  }

  onReady(callback: () => void): void {
    this.#waiting.push(callback);
  }

  isClosed(): boolean {
    return this.isGone;
  }

  hasRoomFor(rest: readonly HistoryEntry[]): boolean {
    return rest.length <= this.restMax;
  }

  take({ offset }: HistoryEntry): boolean {
    assert.ok(!this.isGone && this.finished === 0);
    if (this.capacity === 0) return false;
    this.capacity -= 1;
    this.offsets.push(offset);
    return true;
  }

  finish(): boolean {
    if (this.canFinish) this.finished += 1;
    return this.canFinish;
  }

  give(capacity: number): void {
    this.capacity += capacity;
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

function houseOf(count: number, readersMax = 2) {
  const history = new TestReadingHistory();
  for (let index = 0; index < count; index += 1) history.append({ topic: `t/${index % 3}` });
  const clock = new FakeClock();
  const errors: object[] = [];
  const log = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
  return { history, clock, errors, delivery: new HistoryDelivery(history, readersMax, clock, log) };
}

async function until(condition: () => boolean, clock?: FakeClock): Promise<void> {
  for (let turn = 0; !condition(); turn += 1) {
    assert.ok(turn < 20_000, 'it never came');
    clock?.advance(20);
    await new Promise(setImmediate);
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

test('a reading gets everything from its place to its end, in order, once, and then ends', async () => {
  const { history, delivery } = houseOf(1000);
  const receiver = new Receiver(Infinity, { from: 11, to: 901 });
  delivery.start(receiver);
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, numbers(11, 901));
  await settle();
  assert.equal(receiver.finished, 1);
  assert.equal(delivery.readingsOf(receiver.pacedAs), 0);
  assert.ok(history.pages < 20);
});

test('what is published after the beginning does not belong to a reading that ends', async () => {
  const { history, delivery } = houseOf(10);
  const receiver = new Receiver(Infinity, { from: 0, to: history.nextOffset });
  delivery.start(receiver);
  history.append({ topic: 't/0' });
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, numbers(1, 11));
});

test('nothing to read ends at once', async () => {
  const { delivery } = houseOf(0);
  for (const position of [{ from: 0, to: 1 }, { from: 1, to: 1, last: { count: 3 } }, { from: 1 }]) {
    const receiver = new Receiver(Infinity, position);
    delivery.start(receiver);
    await until(() => receiver.finished === 1);
    assert.deepEqual(receiver.offsets, []);
  }
});

test('a receiver that can take no more is sent the rest when it can, and reads nothing meanwhile', async () => {
  const { history, delivery } = houseOf(300);
  const receiver = new Receiver(10, { from: 0, to: 301 });
  delivery.start(receiver);
  await until(() => receiver.offsets.length === 10);
  await settle();
  assert.equal(history.pages, 1);
  receiver.give(5);
  await until(() => receiver.offsets.length === 15);
  assert.equal(history.pages, 1, 'the rest of the page was kept');
  receiver.give(1000);
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, numbers(1, 301));
});

test('a receiver that cannot take the end mark yet takes it later, once', async () => {
  const { delivery } = houseOf(3);
  const receiver = new Receiver(3, { from: 0, to: 4 });
  receiver.canFinish = false;
  delivery.start(receiver);
  await until(() => receiver.offsets.length === 3);
  await settle();
  receiver.canFinish = true;
  receiver.give(1);
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, [1, 2, 3]);
});

test('a closed receiver gets nothing more, neither from its page nor from the next', async () => {
  const { delivery } = houseOf(300);
  const receiver = new Receiver(1, { from: 0, to: 301 });
  delivery.start(receiver);
  await until(() => receiver.offsets.length === 1);
  receiver.isGone = true;
  receiver.give(1000);
  await settle();
  assert.deepEqual([receiver.offsets.length, receiver.finished], [1, 0]);
});

test('the last of each topic come by topic, then what came later by offset', async () => {
  const { history, delivery } = houseOf(9);
  history.pageMax = 2;
  const receiver = new Receiver(Infinity, { from: 10, last: { count: 2 } });
  history.append({ topic: 't/1' });
  history.append({ topic: 't/0' });
  delivery.start(receiver);
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, [4, 7, 5, 8, 6, 9, 10, 11]);
});

test('a reading of the last of each topic goes on where it was when it begins again', async () => {
  const { history, delivery } = houseOf(30);
  history.pageMax = 2;
  const seen: number[] = [];
  let position: HistoryPosition = { from: 31, last: { count: 4 } };
  for (let life = 0; life < 20; life += 1) {
    const receiver = new Receiver(3, position);
    delivery.start(receiver);
    await until(() => receiver.offsets.length === 3 || receiver.finished === 1);
    await settle();
    seen.push(...receiver.offsets);
    receiver.isGone = true;
    receiver.give(0);
    position = receiver.position;
    if (receiver.finished === 1) break;
  }
  assert.deepEqual(seen, [19, 22, 25, 28, 20, 23, 26, 29, 21, 24, 27, 30]);
});

test('a live reading takes what is in memory and becomes live in one turn', async () => {
  const { history, delivery } = houseOf(500);
  history.memoryFrom = 400;
  const receiver = new Receiver(Infinity, { from: 0 });
  let atFinish = 0;
  receiver.finish = () => {
    receiver.finished += 1;
    atFinish = history.nextOffset;
    return true;
  };
  delivery.start(receiver);
  // Somebody publishes all the time.
  while (receiver.finished === 0) {
    for (let index = 0; index < 7; index += 1) history.append({ topic: 't/9' });
    await new Promise(setImmediate);
  }
  assert.deepEqual(receiver.offsets, numbers(1, atFinish), 'nothing was published that it has not got');
});

test('a reading never becomes live in the turn in which its receiver says that it can take more: somebody may be publishing', async () => {
  const { history, delivery } = houseOf(2);
  const receiver = new Receiver(1, { from: 0 });
  delivery.start(receiver);
  await until(() => receiver.offsets.length === 1);
  await settle();
  receiver.give(10);
  assert.equal(receiver.finished, 0);
  history.append({ topic: 't' });
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, [1, 2, 3]);
});

test('a live reading that has no room for the rest goes on with pages', async () => {
  const { history, delivery, clock } = houseOf(200);
  const receiver = new Receiver(Infinity, { from: 0 });
  receiver.restMax = 0;
  history.append({ topic: 't/0' });
  delivery.start(receiver);
  await until(() => receiver.finished === 1, clock);
  assert.deepEqual(receiver.offsets, numbers(1, 202));
});

test('what of the rest was not taken is read again', async () => {
  const { history, delivery, clock } = houseOf(20);
  const receiver = new Receiver(7, { from: 15 });
  history.memoryFrom = 0;
  receiver.take = ({ offset }) => {
    // From the fourth on it does not want any more, once.
    if (offset === 18 && receiver.capacity === 7) {
      receiver.capacity = 100;
      return false;
    }
    receiver.offsets.push(offset);
    return true;
  };
  history.pageMax = 1;
  delivery.start(receiver);
  await until(() => receiver.finished === 1, clock);
  assert.deepEqual(receiver.offsets, numbers(15, 21));
});

test('a reading since a moment leaves out what is older, also of the rest', async () => {
  const { delivery } = houseOf(20);
  const receiver = new Receiver(Infinity, { from: 0, fromMs: 11_000 });
  delivery.start(receiver);
  await until(() => receiver.finished === 1);
  assert.deepEqual(receiver.offsets, numbers(11, 21));
});

test('a place that is stored is never behind what is on disk, until it is live', async () => {
  const { history, delivery, clock } = houseOf(300);
  history.flushedTo = 100;
  history.memoryFrom = 1000;
  const receiver = new Receiver(Infinity, { from: 0 });
  receiver.isStored = true;
  delivery.start(receiver);
  await until(() => receiver.offsets.length === 99, clock);
  for (let turn = 0; turn < 20; turn += 1) {
    clock.advance(20);
    await settle();
  }
  assert.deepEqual(receiver.offsets, numbers(1, 100));
  assert.ok(history.pages < 60, `it waits for the disk instead of asking all the time: ${history.pages}`);
  history.flushedTo = 250;
  await until(() => receiver.offsets.length === 249, clock);
  for (const { from } of receiver.positions) assert.ok(from <= 250);
  history.memoryFrom = 240;
  await until(() => receiver.finished === 1, clock);
  assert.deepEqual(receiver.offsets, numbers(1, 301));
});

test('a stored reading of the last of each topic waits until they are known', async () => {
  const { history, delivery, clock } = houseOf(9);
  history.flushedTo = 5;
  const receiver = new Receiver(Infinity, { from: 10, last: { count: 1 } });
  receiver.isStored = true;
  delivery.start(receiver);
  for (let turn = 0; turn < 5; turn += 1) {
    clock.advance(20);
    await settle();
  }
  assert.deepEqual(receiver.offsets, []);
  history.flushedTo = Infinity;
  await until(() => receiver.finished === 1, clock);
  assert.deepEqual(receiver.offsets, [7, 8, 9]);
});

test('files that cannot be read are tried again, and nothing is lost or comes twice', async () => {
  const { history, delivery, clock, errors } = houseOf(200);
  history.failures = 2;
  const receiver = new Receiver(Infinity, { from: 0, to: 201 });
  delivery.start(receiver);
  await until(() => receiver.finished === 1, clock);
  assert.deepEqual(receiver.offsets, numbers(1, 201));
  assert.equal(errors.length, 2);
});

test('100 readings at once keep to so many pages at a time, take turns, and the readings of one session hold one page', async () => {
  const { history, delivery } = houseOf(2000, 4);
  const modest = new Receiver(Infinity, { from: 1990, to: 2001 });
  const stuck = Array.from({ length: 50 }, () => new Receiver(1, { from: 0, to: 2001 }));
  const greedy = Array.from({ length: 50 }, () => new Receiver(Infinity, { from: 0, to: 2001 }));
  const session = {};
  for (const receiver of stuck.slice(0, 25)) receiver.pacedAs = session;
  for (const receiver of [...stuck, ...greedy]) delivery.start(receiver);
  delivery.start(modest);
  await until(() => modest.finished === 1);
  for (const receiver of greedy) assert.ok(receiver.offsets.length < 500, 'it waited for a greedy one');
  await until(() => greedy.every((receiver) => receiver.finished === 1));
  assert.equal(history.mostReading, 4);
  const withMessage = stuck.slice(0, 25).filter((receiver) => receiver.offsets.length > 0);
  assert.equal(withMessage.length, 1, 'the others of the session have not begun');
  assert.equal(delivery.readingsOf(session), 25);
});

test('the readings of one session take turns', async () => {
  const { delivery } = houseOf(1000);
  const session = {};
  const readers = Array.from({ length: 3 }, () => new Receiver(Infinity, { from: 0, to: 1001 }));
  for (const reader of readers) {
    reader.pacedAs = session;
    delivery.start(reader);
  }
  await until(() => readers.some(({ finished }) => finished === 1));
  for (const { offsets } of readers) assert.ok(offsets.length > 800, `${offsets.length}`);
});

test('whatever the capacity, the pages, the memory and the pauses, a live reader gets each message once, in order', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), count: fc.nat(40) }),
    fc.record({ kind: fc.constant('give' as const), count: fc.nat(100) }),
    fc.record({ kind: fc.constant('leave' as const) }),
    fc.record({ kind: fc.constant('flush' as const) }),
    fc.record({ kind: fc.constant('turns' as const), count: fc.nat(20) }),
  );
  const world = fc.record({
    steps: fc.array(step, { maxLength: 30 }),
    isStored: fc.boolean(),
    pageMax: fc.integer({ min: 1, max: 64 }),
    memory: fc.nat(50),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ steps, isStored, pageMax, memory }) => {
      const { history, delivery, clock } = houseOf(50);
      history.pageMax = pageMax;
      history.flushedTo = 20;
      const seen: number[] = [];
      let receiver = new Receiver(0, { from: 0 });
      const begin = (position: HistoryPosition, capacity: number): void => {
        receiver = new Receiver(capacity, position);
        receiver.isStored = isStored;
        delivery.start(receiver);
      };
      begin({ from: 0 }, 5);
      for (const one of [
        ...steps,
        { kind: 'flush' as const },
        { kind: 'give' as const, count: 10_000 },
        { kind: 'turns' as const, count: 300 },
      ]) {
        history.memoryFrom = Math.max(0, history.nextOffset - memory);
        if (one.kind === 'publish') {
          for (let index = 0; index < one.count; index += 1) {
            const { offset } = history.append({ topic: 't' });
            // What is live gets it at once.
            if (receiver.finished > 0) receiver.offsets.push(offset);
          }
        } else if (one.kind === 'give') receiver.give(one.count);
        else if (one.kind === 'flush') history.flushedTo = history.nextOffset;
        else if (one.kind === 'leave' && receiver.finished === 0) {
          seen.push(...receiver.offsets);
          receiver.isGone = true;
          receiver.give(0);
          begin(receiver.position, 0);
        } else if (one.kind === 'turns') {
          for (let turn = 0; turn < one.count; turn += 1) {
            clock.advance(20);
            await new Promise(setImmediate);
          }
        }
      }
      await until(() => receiver.finished === 1, clock);
      assert.deepEqual([...seen, ...receiver.offsets], numbers(1, history.nextOffset));
    }),
    { seed: 20_261_121, numRuns: 200 },
  );
});
