import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMBEDDER } from '#hooks/order.ts';
import { OBSERVED_ALWAYS, OBSERVED_NEVER, UNTIMED } from '#message/message.ts';
import { message, TestHouse } from './test-house.ts';

test('a hook that is about some topics hears of those, and only their messages are timed', () => {
  const house = new TestHouse();
  const heard: string[] = [];
  const interest = { isAbout: (topic: string) => topic.startsWith('a') };
  const publish = (topic: string): number[] => {
    const published = message({ topic });
    house.publisher.publish(published, null, null);
    return [published.routedAtMs, published.observedFromMs];
  };
  assert.deepEqual(publish('a'), [UNTIMED, OBSERVED_NEVER]);
  const withdrawals = [
    house.hooks.register(EMBEDDER, 'message.published', ({ topic }) => void heard.push(topic), interest),
    house.hooks.register(EMBEDDER, 'delivery.finished', () => {}, interest),
  ];
  assert.deepEqual(
    [publish('a'), publish('b')],
    [
      [house.clock.turnMs(), OBSERVED_ALWAYS],
      [UNTIMED, OBSERVED_NEVER],
    ],
  );
  assert.deepEqual(heard, ['a']);
  house.hooks.register(EMBEDDER, 'message.published', () => {});
  publish('b');
  assert.deepEqual(heard, ['a', 'b'], 'as soon as anybody wants to hear of it');
  for (const withdraw of withdrawals) withdraw();
  assert.deepEqual(publish('a'), [UNTIMED, OBSERVED_NEVER]);
  assert.deepEqual(heard, ['a', 'b']);
});

test('a message knows from when on its deliveries are of interest: to the most curious hook that is about its topic', () => {
  const house = new TestHouse();
  const observe = (fromMs: number, isAbout: (topic: string) => boolean): unknown =>
    house.hooks.register(EMBEDDER, 'delivery.finished', () => {}, { isAbout, fromMs });
  observe(500, () => true);
  observe(20, (topic) => topic === 'a');
  for (const [topic, fromMs] of [
    ['a', 20],
    ['b', 500],
  ] as const) {
    const published = message({ topic });
    house.publisher.publish(published, null, null);
    assert.deepEqual([published.routedAtMs, published.observedFromMs], [house.clock.turnMs(), fromMs]);
  }
});

test('who wants to hear of every delivery hears of it, whatever the others ask for', () => {
  const house = new TestHouse();
  house.hooks.register(EMBEDDER, 'delivery.finished', () => {}, { fromMs: 500 });
  const withdraw = house.hooks.register(EMBEDDER, 'message.delivered', () => {});
  const observedFromMs = (): number => {
    const published = message({ topic: 'a' });
    house.publisher.publish(published, null, null);
    return published.observedFromMs;
  };
  assert.equal(observedFromMs(), OBSERVED_ALWAYS);
  withdraw();
  assert.equal(observedFromMs(), 500);
});
