import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MetricDefinition, metricsTable } from '#api/metrics-table.ts';
import { testFeatureContext } from '#hooks/test-feature-context.ts';
import { Delivery } from '#message/delivery.ts';
import { createMessage, type MessageFields, OBSERVED_ALWAYS, type QoS } from '#message/message.ts';
import { TopicMetrics, type TopicMetricsSettings } from './topic-metrics.ts';

function start(metrics: Record<string, string> = {}, metricsMax = 10) {
  const context = testFeatureContext<TopicMetricsSettings>('topicMetrics', { metrics, metricsMax });
  const feature = new TopicMetrics(context);
  const { hooks, clock } = context;
  const message = (fields: Partial<MessageFields>) =>
    createMessage({ topic: 'a/b', payload: '12345', publisher: 'p', receivedAtMs: clock.wallMs(), ...fields });
  return {
    ...context,
    feature,
    message,
    publish: (fields: Partial<MessageFields> = {}, hasSubscribers = true) => {
      const made = message(fields);
      made.routedAtMs = clock.turnMs();
      hooks.observe('message.published', made, hasSubscribers);
      return made;
    },
    deliver: (made: ReturnType<typeof message>, qos: QoS, tookMs = clock.turnMs() - made.routedAtMs) =>
      hooks.deliveryFinished('c', new Delivery(made, qos, false, null), tookMs),
    isIdle: () => !hooks.hasMessagePublished && !hooks.hasDeliveryFinished && clock.pending === 0,
  };
}

test('messages are counted in, out and dropped, by QoS and with their bytes, for every metric that is about their topic', () => {
  const { feature, publish, deliver, hooks } = start({ all: '#', one: 'a/+', other: 'x/#' });
  deliver(publish({ qos: 2 }), 1);
  publish({ qos: 1 }, false);
  publish({ topic: '$SYS/a' });
  hooks.observe('message.dropped', 'c', publish({ topic: 'a' }), 'queue-full');
  hooks.observe('message.dropped', 'c', null, 'damaged');
  const [all, one, other] = ['all', 'one', 'other'].map((name) => feature.get(name)!);
  assert.deepEqual([all.in.messages, all.out.messages, all.dropped.messages, all.unmatched], [3, 1, 1, 1]);
  const { rate: _rate, ...in_ } = one.in;
  assert.deepEqual(in_, { messages: 2, qos0: 0, qos1: 1, qos2: 1, bytes: 10 });
  assert.deepEqual([one.out.qos1, one.out.qos2, one.out.bytes, one.dropped.messages], [1, 0, 5, 0]);
  assert.deepEqual([other.in.messages, other.out.messages], [0, 0]);
});

test('rates: the last 5 s, and averages over 1 and 5 minutes', () => {
  const { feature, publish, clock } = start({ m: '#' });
  for (let i = 0; i < 50; i += 1) publish();
  clock.advance(5000);
  const { last, medium, long } = feature.get('m')!.in.rate;
  assert.equal(last, 10);
  assert.ok(medium > long && long > 0 && medium < last);
  clock.advance(5000);
  assert.equal(feature.get('m')!.in.rate.last, 0);
});

test('latency is from receipt to delivery, where that is known', () => {
  const { feature, publish, deliver, message, clock } = start({ m: '#' });
  const made = publish();
  clock.advance(7);
  deliver(made, 1);
  deliver(message({}), 1, -1);
  const { latencyMs, out } = feature.get('m')!;
  assert.deepEqual(latencyMs, { count: 1, p50: 7, p95: 7, p99: 7, max: 7 });
  assert.equal(out.messages, 2);
  clock.advance(120_000);
  assert.equal(feature.get('m')!.latencyMs.count, 0);
});

test('without a metric there is no hook and no timer; with the first they come, with the last they go', () => {
  const { feature, isIdle } = start();
  assert.ok(isIdle());
  assert.equal(feature.add('a/#'), 'added');
  assert.ok(!isIdle());
  assert.equal(feature.remove('a/#'), true);
  assert.ok(isIdle());
  feature.reload({ metrics: { m: 'a' }, metricsMax: 1 });
  assert.ok(!isIdle());
  feature.reload({ metrics: {}, metricsMax: 1 });
  assert.ok(isIdle());
});

test('what may not be a metric is refused with the reason', () => {
  const { feature } = start({ m: 'a' }, 2);
  assert.equal(feature.add('a/#/b'), 'bad-filter');
  assert.equal(feature.add('$share/g/a'), 'bad-filter');
  assert.equal(feature.add(''), 'bad-filter');
  assert.equal(feature.add('a', ''), 'bad-name');
  assert.equal(feature.add('a', 'x\ny'), 'bad-name');
  assert.equal(feature.add('b', 'm'), 'name-taken');
  assert.equal(feature.add('b'), 'added');
  assert.equal(feature.add('c'), 'full');
  assert.deepEqual(
    feature.list().map(({ name, isConfigured }) => [name, isConfigured]),
    [
      ['m', true],
      ['b', false],
    ],
  );
});

test('a reload keeps what is the same and what was made at run time, and ends what is gone or different', () => {
  const { feature, publish, warnings } = start({ same: '#', gone: '#', different: '#' });
  feature.add('+/b', 'mine');
  publish();
  feature.reload({ metrics: { same: '#', different: 'a/b', more: 'a/#' }, metricsMax: 4 });
  const counts = (): unknown => feature.list().map(({ name, in: { messages } }) => [name, messages]);
  assert.deepEqual(counts(), [
    ['same', 1],
    ['mine', 1],
    ['different', 0],
    ['more', 0],
  ]);
  assert.equal(warnings.length, 0);
  feature.reload({ metrics: { same: '#', different: 'a/b', more: 'a/#' }, metricsMax: 2 });
  assert.deepEqual(counts(), [
    ['same', 1],
    ['different', 0],
  ]);
  assert.equal(warnings.length, 2);
});

test('a reset counts from 0, one metric or all', () => {
  const { feature, publish, clock } = start({ a: '#', b: '#' });
  publish();
  clock.advance(10);
  assert.equal(feature.reset('a'), true);
  assert.equal(feature.reset('nobody'), false);
  assert.deepEqual([feature.get('a')!.in.messages, feature.get('b')!.in.messages], [0, 1]);
  assert.equal(feature.get('a')!.sinceMs, clock.wallMs());
  assert.equal(feature.reset(), true);
  assert.equal(feature.get('b')!.in.messages, 0);
});

test('more topics than are remembered are counted as well', () => {
  const { feature, publish } = start({ m: 't/#' });
  for (let i = 0; i < 40_000; i += 1) publish({ topic: `t/${i % 20_000}` });
  for (let i = 0; i < 3; i += 1) publish({ topic: `t/${'long'.repeat(1000)}` });
  assert.equal(feature.get('m')!.in.messages, 40_003);
});

test('every sample has a line in the table of metrics and exactly its labels', () => {
  const { feature, publish, deliver } = start({ m: '#' });
  deliver(publish(), 0);
  const table: Readonly<Record<string, MetricDefinition>> = metricsTable;
  const samples = feature.samples();
  assert.equal(samples.length, 1 + 3 * 4 + 3);
  for (const { name, labels } of samples) assert.deepEqual(Object.keys(labels), [...table[name].labels], name);
});

test('a metric tells which topics it is about, and that is asked again when metrics change', () => {
  const { feature, hooks } = start({ m: 'a/#' });
  let changes = 0;
  hooks.onChanged(() => (changes += 1));
  const observed = (topic: string): boolean[] => [
    hooks.isObserved('message.published', topic),
    hooks.finishedFromMs(topic) === OBSERVED_ALWAYS,
  ];
  assert.deepEqual([observed('a/b'), observed('b')].flat(), [true, true, false, false]);
  feature.add('b');
  assert.ok(changes > 0);
  assert.deepEqual(observed('b'), [true, true]);
});
