import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle, TestNetwork } from '#rpc/test-client.ts';
import { json } from '#topic/payload-codecs.ts';
import { event, eventChannel } from './index.ts';

test('events travel as mqttxx writes them', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_673_456_789_123 });
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'));
  await events.publish('t', event('temperature.changed', { value: 25.5, unit: '°C' }, { source: 'sensor_001' }));
  await events.publish('t', event('x', null, { timestamp: 1.5 }));
  await events.publish('t', { value: 60.2, unit: '%' });
  for (const value of ['fire', 7, null, [1, 2], undefined, true, Number.NaN]) await events.publish('t', value, { qos: 1, expiry: 5 });
  assert.deepEqual(
    network.published.map(({ text }) => text),
    [
      '{"type": "event", "event_type": "temperature.changed", "data": {"value": 25.5, "unit": "\\u00b0C"}, "timestamp": 1673456789.123, "source": "sensor_001"}',
      '{"type": "event", "event_type": "x", "data": null, "timestamp": 1.5, "source": ""}',
      '{"value": 60.2, "unit": "%"}',
      '{"data": "fire"}',
      '{"data": 7}',
      '{"data": null}',
      '{"data": [1, 2]}',
      '{"data": null}',
      '{"data": true}',
      '{"data": NaN}',
    ],
  );
  assert.deepEqual(network.published.at(-1)!.options, { qos: 1, expiry: 5 });
  assert.equal(network.published[0].options.qos, undefined);
});

test('functions of a pattern are called in the order of registration, each awaited', async () => {
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'));
  const heard: unknown[] = [];
  const slow = Promise.withResolvers<void>();
  events.subscribe('sensors/+/t', async (topic, message) => {
    heard.push(['first', topic, message]);
    await slow.promise;
    heard.push('first is done');
  });
  events.subscribe('sensors/+/t', (topic) => heard.push(['second', topic]));
  await settle();
  assert.equal(network.clients[0].subscriptions.size, 1);
  await events.publish('sensors/a/t', { v: 1 });
  await settle();
  assert.deepEqual(heard, [['first', 'sensors/a/t', { v: 1 }]]);
  slow.resolve();
  await settle();
  assert.deepEqual(heard.slice(1), ['first is done', ['second', 'sensors/a/t']]);
});

test('a function that throws hurts none of the others, and is told', async () => {
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'));
  let calls = 0;
  for (const name of ['one', 'two'])
    events.subscribe('t', () => {
      throw new Error(name);
    });
  events.subscribe('t', () => (calls += 1));
  const only = events.subscribe('alone', () => Promise.reject(new Error('three')));
  await only.granted;
  await events.publish('t', 1);
  await events.publish('alone', 1);
  await settle();
  assert.equal(calls, 1);
  const [both, single] = network.clients[0].errors;
  assert.ok(both instanceof AggregateError && both.errors.length === 2);
  assert.equal((single as Error).message, 'three');
});

test('what is no JSON is told and dropped', async () => {
  const network = new TestNetwork();
  const client = network.client('a');
  const events = eventChannel(client);
  const heard: unknown[] = [];
  await events.subscribe('t', (_topic, message) => heard.push(message)).granted;
  await client.publish('t', 'no json');
  await client.publish('t', '[NaN]');
  await settle();
  assert.deepEqual(heard, [[Number.NaN]]);
  assert.deepEqual(
    (network.clients[0].errors as Error[]).map(({ message }) => message),
    ['the event on t is no application/json'],
  );
});

test('the last function takes the subscription with it', async () => {
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'));
  const [one, two] = [() => {}, () => {}];
  const first = events.subscribe('t', one);
  events.subscribe('t', two);
  events.unsubscribe('t', () => {});
  events.unsubscribe('unknown');
  await first.remove();
  await first.remove();
  assert.equal(network.clients[0].subscriptions.size, 1);
  events.unsubscribe('t', two);
  await settle();
  assert.equal(network.clients[0].subscriptions.size, 0);
  events.subscribe('t', one);
  events.subscribe('t', two);
  events.subscribe('u', two);
  await settle();
  events.unsubscribe('t');
  await settle();
  assert.equal(network.clients[0].subscriptions.size, 1);
  await events[Symbol.asyncDispose]();
  assert.equal(network.clients[0].subscriptions.size, 0);
});

test('a pattern that is taken away before it is granted is not left behind', async () => {
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'));
  events.subscribe('t', () => {});
  events.unsubscribe('t');
  await settle();
  assert.equal(network.clients[0].subscriptions.size, 0);
});

test('a refused pattern rejects, throws nothing, and can be tried again', async () => {
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'));
  events.subscribe('refused', () => {});
  await assert.rejects(events.subscribe('refused', () => {}).granted, { code: 'REFUSED' });
  await settle();
  await assert.rejects(events.subscribe('refused', () => {}).granted, { code: 'REFUSED' });
});

test('another codec may take its place', async () => {
  const network = new TestNetwork();
  const events = eventChannel(network.client('a'), { codec: json });
  await events.publish('t', { a: Number.NaN });
  assert.equal(network.published[0].text, '{"a":null}');
});
