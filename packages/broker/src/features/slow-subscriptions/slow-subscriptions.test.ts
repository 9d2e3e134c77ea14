import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testFeatureContext } from '#hooks/test-feature-context.ts';
import { Delivery, Obstacle } from '#message/delivery.ts';
import { createMessage, type QoS, UNTIMED } from '#message/message.ts';
import { SlowSubscriptions, type SlowSubscriptionsSettings } from './slow-subscriptions.ts';

const on: SlowSubscriptionsSettings = { enabled: true, thresholdMs: 500, expireAfterMs: 300_000, entriesMax: 3, statistics: 'whole' };

interface Way {
  readonly clientId?: string;
  readonly topic?: string;
  readonly qos?: QoS;
  /** Until it was sent, and from then on. */
  readonly internalMs?: number;
  readonly responseMs?: number;
  readonly obstacle?: Obstacle;
}

function start(settings: SlowSubscriptionsSettings = on) {
  const unfinished: { clientId: string; delivery: Delivery }[] = [];
  const context = testFeatureContext('slowSubscriptions', settings, {
    unfinished: () => unfinished.map((one) => ({ ...one, tookMs: tookMs(one.delivery) })),
  });
  const feature = new SlowSubscriptions(context);
  const { clock, hooks } = context;
  const tookMs = ({ message: { routedAtMs } }: Delivery): number => (routedAtMs === UNTIMED ? -1 : clock.turnMs() - routedAtMs);
  const made = ({ topic = 't', qos = 1, internalMs = 0, responseMs = 0, obstacle = Obstacle.None }: Way): Delivery => {
    const routedAtMs = clock.turnMs() - internalMs - responseMs;
    const message = createMessage({ topic, publisher: 'p', receivedAtMs: 0, qos: 1 });
    message.routedAtMs = routedAtMs;
    const delivery = new Delivery(message, qos, false, null);
    if (qos > 0) delivery.sentAtMs = routedAtMs + internalMs;
    delivery.obstacle = obstacle;
    return delivery;
  };
  const finish = (delivery: Delivery, clientId = 'c'): void => hooks.deliveryFinished(clientId, delivery, tookMs(delivery));
  clock.advance(3_600_000);
  return {
    ...context,
    feature,
    unfinished,
    made,
    finish: (way: Way) => finish(made(way), way.clientId),
    finishMade: finish,
    listed: () => feature.list().map(({ clientId, topic, timespanMs, cause }) => [clientId, topic, timespanMs, cause]),
  };
}

test('disabled there is no hook and no timer; a reload brings them and takes them away', () => {
  const { feature, hooks, clock } = start({ ...on, enabled: false });
  assert.deepEqual([hooks.hasDeliveryFinished, clock.pending, feature.samples()], [false, 0, []]);
  feature.reload(on);
  assert.deepEqual([hooks.hasDeliveryFinished, clock.pending], [true, 1]);
  assert.equal(feature.samples().length, 1);
  feature.reload({ ...on, enabled: false });
  assert.deepEqual([hooks.hasDeliveryFinished, clock.pending], [false, 0]);
});

test('what took as long as the threshold is listed with its cause, the slowest first', () => {
  const { finish, listed } = start();
  finish({ topic: 'fast', responseMs: 499 });
  finish({ topic: 'acknowledged late', internalMs: 100, responseMs: 400 });
  finish({ topic: 'window', internalMs: 700, responseMs: 100, obstacle: Obstacle.Inflight });
  finish({ topic: 'queue', internalMs: 600, responseMs: 100, obstacle: Obstacle.Queue });
  assert.deepEqual(listed(), [
    ['c', 'window', 800, 'inflight'],
    ['c', 'queue', 700, 'queue'],
    ['c', 'acknowledged late', 500, 'client'],
  ]);
});

test('a client that does not read is slow, and when nothing was in the way the broker was', () => {
  const { finish, listed } = start();
  finish({ topic: 'unread', internalMs: 800, obstacle: Obstacle.Client });
  finish({ topic: 'disk', internalMs: 700 });
  finish({ topic: 'QoS 0', qos: 0, internalMs: 600, obstacle: Obstacle.Client });
  assert.deepEqual(listed(), [
    ['c', 'unread', 800, 'client'],
    ['c', 'disk', 700, 'broker'],
    ['c', 'QoS 0', 600, 'client'],
  ]);
});

test('what waited in the queue of a shared group waited behind others', () => {
  const { made, finishMade, listed } = start();
  const delivery = made({ internalMs: 900 });
  delivery.group = { redeliver: () => false, lost: () => false };
  finishMade(delivery);
  assert.deepEqual(listed(), [['c', 't', 900, 'queue']]);
});

for (const [statistics, timespanMs, cause] of [
  ['whole', 1600, 'inflight'],
  ['internal', 1000, 'inflight'],
  ['response', 600, 'client'],
] as const) {
  test(`${statistics} times ${cause === 'client' ? 'the client' : 'what it says'}`, () => {
    const { finish, listed } = start({ ...on, statistics });
    finish({ internalMs: 1000, responseMs: 600, obstacle: Obstacle.Inflight });
    assert.deepEqual(listed(), [['c', 't', timespanMs, cause]]);
  });
}

test('of a client and a topic there is the longest, and no more are listed than may be', () => {
  const { finish, listed, feature } = start();
  for (const responseMs of [600, 900, 700]) finish({ topic: 'a', responseMs });
  finish({ clientId: 'd', topic: 'a', responseMs: 650 });
  for (const [index, topic] of ['b', 'c', 'd', 'e'].entries()) finish({ topic, responseMs: 610 + index });
  finish({ topic: 'b', responseMs: 5000 });
  assert.deepEqual(listed(), [
    ['c', 'b', 5000, 'client'],
    ['c', 'a', 900, 'client'],
    ['d', 'a', 650, 'client'],
  ]);
  feature.reload({ ...on, entriesMax: 2, thresholdMs: 1000 });
  assert.equal(listed().length, 1);
  feature.reload({ ...on, statistics: 'response' });
  assert.deepEqual(listed(), []);
});

test('an entry expires, and makes room; clear empties the list', () => {
  const { finish, listed, clock, feature } = start({ ...on, expireAfterMs: 60_000, entriesMax: 1 });
  finish({ topic: 'old', responseMs: 9000 });
  clock.advance(50_000);
  finish({ topic: 'new', responseMs: 600 });
  assert.deepEqual(listed(), [['c', 'old', 9000, 'client']]);
  clock.advance(20_000);
  assert.deepEqual(listed(), []);
  finish({ topic: 'new', responseMs: 600 });
  assert.deepEqual(listed(), [['c', 'new', 600, 'client']]);
  feature.clear();
  assert.deepEqual(listed(), []);
});

test('what is not timed is not slow: not when it is finished, and not while it is not', () => {
  const { finishMade, listed, made, unfinished } = start({ ...on, thresholdMs: 1 });
  const old = made({ responseMs: 9000 });
  old.message.routedAtMs = UNTIMED;
  finishMade(old);
  unfinished.push({ clientId: 'c', delivery: old });
  assert.deepEqual(listed(), []);
});

test('the broker is asked for nothing that is faster than the threshold, also after a reload', () => {
  const { feature, hooks, clock } = start();
  assert.equal(hooks.finishedFromMs('t'), 500);
  feature.reload({ ...on, thresholdMs: 20 });
  assert.deepEqual([hooks.finishedFromMs('t'), clock.pending], [20, 1]);
});

test('a client that never acknowledges is listed with the time so far, and the sweep looks for it', () => {
  const { unfinished, made, listed, clock, feature } = start();
  unfinished.push({ clientId: 'stuck', delivery: made({ internalMs: 10, responseMs: 600 }) });
  assert.deepEqual(listed(), [['stuck', 't', 610, 'client']]);
  clock.advance(10_000);
  unfinished.pop();
  assert.deepEqual(listed(), [['stuck', 't', 10_610, 'client']]);
  feature.stop();
  assert.equal(clock.pending, 0);
});
