import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hooks } from '#hooks/hooks.ts';
import { silentLogger } from '#base/logger.ts';
import { Counters } from '#base/counters.ts';
import { TestReadingHistory } from '#history/test-reading-history.ts';
import { ReaderNeed } from './route.ts';
import { Router } from './router.ts';
import { shareServices, subscription, TestSession } from './test-house.ts';

function routerOf(history: TestReadingHistory | null): Router {
  return new Router(shareServices({ hooks: new Hooks(silentLogger), counters: new Counters() }), history);
}

test('who still reads the history gets nothing live of what is kept, and everything of what is not', () => {
  const history = new TestReadingHistory();
  history.excluded.add('t/2');
  const router = routerOf(history);
  const reader = subscription(new TestSession('reader'), 't/+', { qos: 1 });
  reader.catchUp = { from: 1 };
  router.add(reader);
  const kept = router.route('t/1');
  assert.deepEqual([kept.targets.length, kept.readers, kept.hasDurable], [0, ReaderNeed.Kept, false]);
  const left = router.route('t/2');
  assert.deepEqual([left.targets.length, left.readers], [1, ReaderNeed.None]);
  reader.catchUp = null;
  router.invalidate();
  const live = router.route('t/1');
  assert.deepEqual([live.targets.length, live.readers], [1, ReaderNeed.None]);
});

test('of a durable reader above QoS 0, messages must survive', () => {
  const router = routerOf(new TestReadingHistory());
  const durable = new TestSession('durable', { isDurable: true });
  for (const [topic, qos, need] of [
    ['a', 0, ReaderNeed.Kept],
    ['b', 1, ReaderNeed.Durable],
    ['c', 2, ReaderNeed.Durable],
  ] as const) {
    const reader = subscription(durable, topic, { qos });
    reader.catchUp = { from: 1 };
    router.add(reader);
    assert.deepEqual([router.route(topic).readers, router.route(topic).hasDurable], [need, need === ReaderNeed.Durable], topic);
  }
});

test('an ordinary subscription of the same session goes on beside it', () => {
  const router = routerOf(new TestReadingHistory());
  const session = new TestSession('both');
  const reader = subscription(session, 't', { qos: 2, identifier: 1 });
  reader.catchUp = { from: 1 };
  router.add(reader);
  router.add(subscription(session, '#', { qos: 1, identifier: 2 }));
  const [target] = router.route('t').targets;
  assert.deepEqual([target.qos, target.subscriptionIdentifiers], [1, [2]]);
});

test('what a reader may not receive is not kept for it, and without a history everything is live', () => {
  const router = routerOf(new TestReadingHistory());
  const reader = subscription(new TestSession('reader', { isDurable: true }), 't');
  reader.catchUp = { from: 1 };
  reader.mayReceive = () => false;
  router.add(reader);
  assert.equal(router.route('t').readers, ReaderNeed.None);
  const without = routerOf(null);
  reader.mayReceive = null;
  without.add(reader);
  assert.equal(without.route('t').targets.length, 1);
});
