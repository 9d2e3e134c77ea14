import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMBEDDER } from '#hooks/order.ts';
import { UNKNOWN, UNOBSERVED } from '#message/message.ts';
import { message, TestHouse } from './test-house.ts';

test('a hook that is about some topics hears of those, and only their messages are timed', () => {
  const house = new TestHouse();
  const heard: string[] = [];
  const isAbout = (topic: string): boolean => topic.startsWith('a');
  const publish = (topic: string): number => {
    const published = message({ topic });
    house.publisher.publish(published, null, null);
    return published.routedAtMs;
  };
  assert.equal(publish('a'), UNKNOWN);
  const withdrawals = [
    house.hooks.register(EMBEDDER, 'message.published', ({ topic }) => void heard.push(topic), isAbout),
    house.hooks.register(EMBEDDER, 'delivery.finished', () => {}, isAbout),
  ];
  assert.deepEqual([publish('a'), publish('b')], [house.clock.wallMs(), UNOBSERVED]);
  assert.deepEqual(heard, ['a']);
  house.hooks.register(EMBEDDER, 'message.published', () => {});
  publish('b');
  assert.deepEqual(heard, ['a', 'b'], 'as soon as anybody wants to hear of it');
  for (const withdraw of withdrawals) withdraw();
  assert.equal(publish('a'), UNKNOWN);
  assert.deepEqual(heard, ['a', 'b']);
});
