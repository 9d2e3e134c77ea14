import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, dropReasons, refusalReasons } from '#base/counters.ts';
import { InvariantError } from '#base/errors.ts';
import { counterSamples } from './counter-samples.ts';
import { type MetricDefinition, type MetricSample, metricsTable } from './metrics-table.ts';
import { ProcessSampler } from './process-samples.ts';
import { renderMetrics } from './render-metrics.ts';

const table: Readonly<Record<string, MetricDefinition>> = metricsTable;

test('names follow Prometheus: counters and only counters end in _total, and every metric has a HELP sentence', () => {
  for (const [name, { kind, help, labels }] of Object.entries(table)) {
    assert.match(name, /^(wrenmq|process|nodejs)_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), kind === 'counter', name);
    assert.match(help, /^.{8,}\.$/, name);
    for (const label of labels)
      assert.ok(['listener', 'reason', 'qos', 'state', 'kind', 'metric', 'group', 'direction', 'quantile'].includes(label), label);
  }
});

test('every counter of the house reaches a metric', () => {
  const sum = (counters: Counters): number => counterSamples(counters).reduce((total, sample) => total + sample.value, 0);
  for (const field of Object.keys(new Counters())) {
    const counters = new Counters() as unknown as Record<string, number | Record<string, number>>;
    const value = counters[field];
    if (typeof value === 'number') counters[field] = 5;
    else value[Object.keys(value)[0]] = 5;
    assert.equal(sum(counters as unknown as Counters), 5, field);
  }
});

test('every reason is there from the start, so that the first drop is seen as an increase', () => {
  const samples = counterSamples(new Counters());
  const reasonsOf = (name: string) => samples.filter((sample) => sample.name === name).map((sample) => sample.labels?.['reason']);
  assert.deepEqual(reasonsOf('wrenmq_messages_dropped_total'), [...dropReasons]);
  assert.deepEqual(reasonsOf('wrenmq_clients_refused_total'), [...refusalReasons]);
});

test('all samples have a line in the table and exactly its labels', async () => {
  const samples = [...counterSamples(new Counters()), ...(await new ProcessSampler().sample())];
  for (const { name, labels = {}, value } of samples) {
    assert.deepEqual(Object.keys(labels), [...table[name].labels], name);
    assert.ok(Number.isFinite(value) && value >= 0, name);
  }
});

test('a metric without a number is absent, labels are escaped, counters add up and gauges hold the last', async () => {
  const text = await renderMetrics([
    { name: 'wrenmq_connections', value: 1, labels: { listener: 'a"b\\c\nd' } },
    { name: 'wrenmq_retained_messages', value: 1 },
    { name: 'wrenmq_retained_messages', value: 2 },
    { name: 'wrenmq_messages_unmatched_total', value: 1 },
    { name: 'wrenmq_messages_unmatched_total', value: 2 },
  ]);
  assert.match(text, /^wrenmq_connections\{listener="a\\"b\\\\c\\nd"\} 1$/m);
  assert.match(text, /^wrenmq_retained_messages 2$/m);
  assert.match(text, /^wrenmq_messages_unmatched_total 3$/m);
  assert.ok(!text.includes('wrenmq_store_bytes'));
});

test('a name or label that is not in the table is our bug', async () => {
  await assert.rejects(renderMetrics([{ name: 'wrenmq_nothing', value: 1 } as unknown as MetricSample]), InvariantError);
  await assert.rejects(renderMetrics([{ name: 'wrenmq_ready', value: 1, labels: { clientId: 'x' } }]));
});

test('two pages at the same time do not mix', async () => {
  const [first, second] = await Promise.all([1, 2].map((value) => renderMetrics([{ name: 'wrenmq_ready', value }])));
  assert.match(first, /^wrenmq_ready 1$/m);
  assert.match(second, /^wrenmq_ready 2$/m);
});
