import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode, topicMetrics } from '@wrenmq/broker';
import {
  acknowledgementBytes,
  FakeClock,
  launchBroker,
  type LaunchedBroker,
  pingreqBytes,
  publishBytes,
  WireClient,
} from '@wrenmq/testkit';
import { embed } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

// What goes through topics, by filter: counted with mosquitto's and paho's clients, read by Prometheus and by the embedder.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = { timeout: 60_000, ...needs(pahoFile, 'python3-paho-mqtt') };

/** The lines of Prometheus about topics, as soon as there is this one: the last acknowledgement may still be on its way. */
async function metricLines(broker: LaunchedBroker, awaited: string): Promise<string[]> {
  const { address, port } = broker.admin!;
  for (let tries = 0; tries < 500; tries += 1) {
    const text = await (await fetch(`http://${address}:${port}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('wrenmq_topic_'));
    if (lines.includes(awaited)) return lines;
  }
  assert.fail(`no ${awaited}`);
}

test(
  'what mosquitto publishes and paho receives is counted by filter, and Prometheus reads it',
  { ...mosquitto, skip: mosquitto.skip || paho.skip },
  async (t) => {
    const broker = await launchBroker({ settings: { 'topicMetrics.metrics.kitchen': 'home/+/kitchen/#' } });
    t.after(() => broker.close());
    const { port } = broker.target();
    const subscriber = await PahoClient.start(t, { port, clientId: 'paho', filters: ['home/#'] });
    await subscriber.next();
    for (const [qos, topic] of ['home/1/kitchen', 'home/1/kitchen/oven', 'home/2/kitchen/oven', 'home/1/hall'].entries()) {
      await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', `${port}`, '-q', `${qos % 3}`, '-t', topic, '-m', '12345']);
      await subscriber.next();
    }
    const line = (direction: string, qos: number, value: number): string =>
      `wrenmq_topic_messages_total{metric="kitchen",direction="${direction}",qos="${qos}"} ${value}`;
    const lines = await metricLines(broker, line('out', 1, 2));
    for (const qos of [0, 1, 2]) assert.ok(lines.includes(line('in', qos, 1)), lines.join('\n'));
    assert.ok(lines.includes('wrenmq_topic_payload_bytes_total{metric="kitchen",direction="in"} 15'));
    assert.ok(lines.includes('wrenmq_topic_payload_bytes_total{metric="kitchen",direction="out"} 15'));
    assert.ok(lines.includes('wrenmq_topic_unmatched_total{metric="kitchen"} 0'));
    assert.equal(lines.filter((one) => one.startsWith('wrenmq_topic_latency_seconds{metric="kitchen",quantile=')).length, 3);
  },
);

test('latency is the time until the client has acknowledged; what was retained is not timed', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock, settings: { topicMetrics: { metrics: { all: '#' } } } });
  await broker.publish({ topic: 'a', payload: 'kept', retain: true });
  clock.advance(60_000);
  const client = await connect();
  await client.subscribe({ filter: 'a', qos: 1 });
  await client.expect('publish');
  for (const delayMs of [4, 4, 6, 200]) {
    await broker.publish({ topic: 'a', qos: 1 });
    const { packetId } = await client.expect('publish');
    clock.advance(delayMs);
    client.send(acknowledgementBytes('puback', packetId));
    client.send(pingreqBytes());
    await client.expect('pingresp');
  }
  const { latencyMs, in: published, out } = broker.feature(topicMetrics).get('all')!;
  assert.deepEqual([latencyMs.count, latencyMs.p50, latencyMs.max], [4, 4, 200]);
  assert.ok(Math.abs(latencyMs.p99 - 200) <= 200 / 16);
  assert.deepEqual([published.qos0, published.qos1, out.qos0, out.qos1], [1, 4, 1, 4]);
});

test('metrics are made and ended while the broker runs, and only the configured ones are there after a restart', mosquitto, async (t) => {
  const settings = { topicMetrics: { metrics: { configured: 'a/#' }, metricsMax: 2 } };
  const { broker, target } = await embed(t, { settings });
  const metrics = broker.feature(topicMetrics);
  assert.equal(metrics.add('a/b'), 'added');
  assert.equal(metrics.add('a/c'), 'full');
  const subscriber = await Subscriber.start(t, ['-h', '127.0.0.1', '-p', `${target.port}`, '-t', 'a/#', '-q', '0']);
  const publisher = await WireClient.open(target, 4);
  t.after(() => publisher.transport.destroy());
  await publisher.connect({ clientId: 'publisher' });
  publisher.send(publishBytes(4, { topic: 'a/b', payload: '1', qos: 0 }));
  publisher.send(publishBytes(4, { topic: 'a/d', payload: '1', qos: 0 }));
  await subscriber.take(2);
  const counts = metrics.list().map(({ name, in: { messages }, out }) => [name, messages, out.messages]);
  assert.deepEqual(counts, [
    ['configured', 2, 2],
    ['a/b', 1, 1],
  ]);
  assert.equal(metrics.remove('a/b'), true);
  assert.equal(metrics.get('a/b'), null);
  metrics.add('a/b');
  await broker.stop();
  const next = await embed(t, { settings });
  assert.deepEqual(
    next.broker
      .feature(topicMetrics)
      .list()
      .map(({ name, in: { messages } }) => [name, messages]),
    [['configured', 0]],
  );
});

test('what limits refuse to retain is counted as dropped, by the QoS of the message', async (t) => {
  const settings = { limits: { retainedMessagesMax: 1 }, topicMetrics: { metrics: { all: 'r/#', others: 'o/#' } } };
  const { broker, connect } = await embed(t, { settings });
  const client = await connect();
  assert.equal(await client.publish({ topic: 'r/1', payload: 'kept', retain: true, qos: 1 }), ReasonCode.NoMatchingSubscribers);
  for (const qos of [1, 2] as const) {
    assert.equal(await client.publish({ topic: 'r/2', payload: '12345', retain: true, qos }), ReasonCode.QuotaExceeded);
  }
  client.send(publishBytes(5, { topic: 'r/3', payload: '12345', retain: true, qos: 0 }));
  client.send(pingreqBytes());
  await client.expect('pingresp');
  const [all, others] = broker.feature(topicMetrics).list();
  assert.deepEqual([all.dropped.qos0, all.dropped.qos1, all.dropped.qos2, all.dropped.bytes], [1, 1, 1, 15]);
  assert.equal(others.dropped.messages, 0);
});
