import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/logger.ts';
import type { Message } from '#message/message.ts';
import { RetainedDelivery, type RetainedReceiver } from './retained-delivery.ts';
import type { RetainedSettings } from './retained-settings.ts';
import { message, openHouse, settle, type TestHouse } from './test-house.ts';

/** Takes so many messages until it is told to take more. */
class Receiver implements RetainedReceiver {
  readonly topics: string[] = [];
  readonly messages: Message[] = [];
  pacedAs: object = {};
  capacity: number;
  isGone = false;
  #waiting: (() => void)[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  offerRetained(one: Message): void {
    assert.ok(this.isReady());
    assert.ok(!this.isGone);
    this.capacity -= 1;
    this.topics.push(one.topic);
    this.messages.push(one);
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

  take(capacity: number): void {
    this.capacity += capacity;
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

async function houseOf(count: number, settings: Partial<RetainedSettings> = {}): Promise<TestHouse> {
  const house = await openHouse(settings);
  for (let index = 0; index < count; index += 1) house.retained.set(message(`t/${String(index).padStart(5, '0')}`, 'x'));
  await house.committer.commit();
  return house;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn += 1) {
    assert.ok(turn < 10_000, 'it never came');
    await new Promise(setImmediate);
  }
}

test('every retained message arrives once, in order', async () => {
  const house = await houseOf(1_000);
  const receiver = new Receiver(Infinity);
  new RetainedDelivery(house.retained, 2, house.clock, silentLogger).start('#', receiver);
  await until(() => receiver.topics.length >= 1_000);
  await settle();
  assert.equal(receiver.topics.length, 1_000);
  assert.deepEqual(receiver.topics, [...receiver.topics].sort());
});

test('a receiver that can take no more gets the rest when it can, and what changed meanwhile is left out', async () => {
  const house = await houseOf(200);
  const receiver = new Receiver(10);
  new RetainedDelivery(house.retained, 2, house.clock, silentLogger).start('t/+', receiver);
  await until(() => receiver.topics.length === 10);
  await settle();
  house.retained.set(message('t/00010', ''));
  house.retained.set(message('t/00011', 'new'));
  receiver.take(5);
  await until(() => receiver.topics.length === 15);
  assert.deepEqual(receiver.topics.slice(10), ['t/00012', 't/00013', 't/00014', 't/00015', 't/00016']);
  receiver.take(1_000);
  await until(() => receiver.topics.length === 198);
});

test('a message that is replaced while its page is handed out is not given in its old form', async () => {
  const house = await houseOf(3);
  const receiver = new Receiver(Infinity);
  const offer = receiver.offerRetained.bind(receiver);
  receiver.offerRetained = (one) => {
    offer(one);
    if (one.topic === 't/00000') house.retained.set(message('t/00001', 'new'));
  };
  new RetainedDelivery(house.retained, 1, house.clock, silentLogger).start('#', receiver);
  await until(() => receiver.topics.length === 2);
  await settle();
  assert.deepEqual(receiver.topics, ['t/00000', 't/00002']);
});

test('a closed receiver gets nothing', async () => {
  const house = await houseOf(100);
  const receiver = new Receiver(1);
  new RetainedDelivery(house.retained, 2, house.clock, silentLogger).start('#', receiver);
  await until(() => receiver.topics.length === 1);
  receiver.isGone = true;
  receiver.take(10);
  await settle();
  assert.equal(receiver.topics.length, 1);
});

test('receivers that take nothing, or a great deal, do not delay the others', async () => {
  const house = await houseOf(2_000);
  const delivery = new RetainedDelivery(house.retained, 2, house.clock, silentLogger);
  const stuck = Array.from({ length: 5 }, () => new Receiver(1));
  const greedy = Array.from({ length: 5 }, () => new Receiver(Infinity));
  const modest = new Receiver(Infinity);
  for (const receiver of [...stuck, ...greedy]) delivery.start('#', receiver);
  delivery.start('t/01234', modest);
  await until(() => modest.topics.length === 1);
  for (const receiver of greedy) assert.ok(receiver.topics.length < 500, 'it waited for a greedy one');
  await until(() => greedy.every((receiver) => receiver.topics.length === 2_000));
  for (const receiver of stuck) assert.equal(receiver.topics.length, 1);
});

test('no more than the allowed number read at the same time', async () => {
  const house = await houseOf(300);
  let reading = 0;
  let most = 0;
  const { store } = house;
  const scan = store.scan.bind(store);
  store.scan = async function* (table, range) {
    reading += 1;
    most = Math.max(most, reading);
    try {
      await new Promise(setImmediate);
      yield* scan(table, range);
    } finally {
      reading -= 1;
    }
  };
  const delivery = new RetainedDelivery(house.retained, 3, house.clock, silentLogger);
  const receivers = Array.from({ length: 20 }, () => new Receiver(Infinity));
  for (const receiver of receivers) delivery.start('#', receiver);
  await until(() => receivers.every((receiver) => receiver.topics.length === 300));
  assert.equal(most, 3);
});

test('a store that fails ends one delivery, is logged, and stops no other', async () => {
  const house = await houseOf(10);
  const errors: string[] = [];
  const log = { ...silentLogger, error: (_fields: object, text: string) => void errors.push(text) };
  const delivery = new RetainedDelivery(house.retained, 1, house.clock, log);
  await house.store.close();
  const [first, second] = [new Receiver(Infinity), new Receiver(Infinity)];
  delivery.start('#', first);
  delivery.start('#', second);
  await until(() => errors.length === 2);
  assert.deepEqual([...first.topics, ...second.topics], []);
});

test('a client that waits, or goes away, with 100,000 subscriptions is passed over', async () => {
  const house = await houseOf(1);
  const delivery = new RetainedDelivery(house.retained, 1, house.clock, silentLogger);
  const receiver = new Receiver(1);
  for (let index = 0; index < 100_000; index += 1) delivery.start('#', receiver);
  await until(() => receiver.topics.length === 1);
  receiver.isGone = true;
  receiver.take(1);
  const other = new Receiver(1);
  delivery.start('#', other);
  await until(() => other.topics.length === 1);
});

test('a session gets no more per second than is configured, however many subscriptions it has, and others do not wait for it', async () => {
  const house = await houseOf(300, { deliveryRatePerSecond: 100 });
  const delivery = new RetainedDelivery(house.retained, 2, house.clock, silentLogger);
  const readers = [new Receiver(Infinity), new Receiver(Infinity), new Receiver(Infinity)];
  readers[1].pacedAs = readers[0].pacedAs;
  for (const reader of readers) delivery.start('#', reader);
  const counts = (): number[] => [readers[0].topics.length + readers[1].topics.length, readers[2].topics.length];
  for (let tenth = 1; tenth <= 20; tenth += 1) {
    await settle();
    // Two readings of a session may begin in the same moment; what is too much is waited for.
    for (const count of counts()) assert.ok(count <= 10 * tenth + 20 && count >= 10 * tenth - 20, `${count} after ${tenth}`);
    house.advance(100);
  }
  for (let turn = 0; turn < 100; turn += 1) {
    await settle();
    house.advance(100);
  }
  assert.deepEqual(counts(), [600, 300]);
  assert.deepEqual(readers[0].topics, readers[0].topics.toSorted());
});

test('another rate holds at once, and none ends the waiting with the next message', async () => {
  const house = await houseOf(100, { deliveryRatePerSecond: 1 });
  const receiver = new Receiver(Infinity);
  new RetainedDelivery(house.retained, 2, house.clock, silentLogger).start('#', receiver);
  await settle();
  assert.equal(receiver.topics.length, 1);
  house.retained.reconfigure({ ...house.retained.settings, deliveryRatePerSecond: Infinity });
  house.advance(1000);
  await until(() => receiver.topics.length === 100);
});

test('who published it and when is told where that is wanted', async () => {
  const house = await houseOf(1, { tellAuthor: true });
  const receiver = new Receiver(Infinity);
  new RetainedDelivery(house.retained, 2, house.clock, silentLogger).start('#', receiver);
  await until(() => receiver.messages.length === 1);
  const [{ properties, payload, retain, qos }] = receiver.messages;
  assert.deepEqual(properties.userProperties, [
    ['retained-at', '1970-01-01T00:16:40.000Z'],
    ['retained-by', 'test'],
  ]);
  assert.deepEqual([payload.toString(), retain, qos], ['x', true, 1]);
});
