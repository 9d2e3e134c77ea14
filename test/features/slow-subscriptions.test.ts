import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowSubscriptions, topicMetrics } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { acknowledgementBytes, FakeClock, disconnectBytes, LaunchedProcess, pingreqBytes } from '@wrenmq/testkit';
import { embed, settings as plain } from '#root/test/embedding/start.ts';
import { needs } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

// The slowest deliveries and what they waited for, with clients that are stopped, have a small window, or are fast.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = { timeout: 60_000, ...needs(pahoFile, 'python3-paho-mqtt') };
const enabled = { slowSubscriptions: { enabled: true } };

test(
  'a mosquitto_sub that is stopped is listed while it does not acknowledge',
  { ...mosquitto, skip: mosquitto.skip || paho.skip },
  async (t) => {
    const clock = new FakeClock();
    const { broker, target } = await embed(t, { clock, settings: enabled });
    const args = ['mosquitto_sub', '-h', '127.0.0.1', '-p', `${target.port}`, '-i', 'stopped', '-t', 'jobs/#', '-q', '1', '-d'];
    let received = (): void => {};
    const isThere = new Promise<void>((resolve) => (received = resolve));
    const stopped = await LaunchedProcess.launch({
      command: 'stdbuf',
      args: ['-oL', ...args],
      isReady: (line) => {
        if (line.includes('sending PUBACK')) received();
        return line.startsWith('Subscribed');
      },
    });
    t.after(() => stopped.kill('SIGKILL'));
    const fast = await PahoClient.start(t, { port: target.port, clientId: 'fast', filters: ['jobs/#'] });
    await fast.next();
    process.kill(stopped.pid, 'SIGSTOP');
    await broker.publish({ topic: 'jobs/1', qos: 1 });
    await fast.next();
    clock.advance(700);
    const slow = broker.feature(slowSubscriptions);
    const listed = (): unknown => slow.list().map(({ clientId, topic, timespanMs, cause }) => [clientId, topic, timespanMs, cause]);
    assert.deepEqual(
      slow
        .list()
        .filter(({ clientId }) => clientId === 'stopped')
        .map(({ topic, timespanMs, cause }) => [topic, timespanMs, cause]),
      [['jobs/1', 700, 'client']],
    );
    process.kill(stopped.pid, 'SIGCONT');
    await isThere;
    slow.clear();
    await broker.reload(
      loadConfig({ overrides: { ...plain, dataDirectory: broker.config.dataDirectory, slowSubscriptions: { enabled: false } } }),
    );
    assert.deepEqual(listed(), []);
  },
);

test('a client with a window of one: the first is slow because of it, the second waited for its window', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock, settings: enabled });
  const client = await connect({ properties: { receiveMaximum: 1 } });
  await client.subscribe({ filter: '#', qos: 1 });
  for (const topic of ['first', 'second']) await broker.publish({ topic, qos: 1 });
  for (const delayMs of [600, 100]) {
    const { packetId } = await client.expect('publish');
    clock.advance(delayMs);
    client.send(acknowledgementBytes('puback', packetId));
  }
  client.send(pingreqBytes());
  await client.expect('pingresp');
  const slow = broker.feature(slowSubscriptions);
  assert.deepEqual(
    slow.list().map(({ clientId, topic, timespanMs, cause }) => [clientId, topic, timespanMs, cause]),
    [
      ['client', 'second', 700, 'inflight'],
      ['client', 'first', 600, 'client'],
    ],
  );
  clock.advance(400_000);
  assert.deepEqual(slow.list(), []);
});

test('what waited for a client that was away is not slow', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock, settings: enabled });
  const durable = { clientId: 'd', clean: false, properties: { sessionExpiryInterval: 3600 } };
  const client = await connect(durable);
  await client.subscribe({ filter: '#', qos: 1 });
  client.send(disconnectBytes());
  await client.expectClose();
  await broker.publish({ topic: 'a', qos: 1 });
  clock.advance(60_000);
  const again = await connect(durable);
  const { packetId } = await again.expect('publish');
  again.send(acknowledgementBytes('puback', packetId));
  again.send(pingreqBytes());
  await again.expect('pingresp');
  assert.deepEqual(broker.feature(slowSubscriptions).list(), []);
});

test('a jump of the clock makes nothing slow, and takes nothing from the list', async (t) => {
  const clock = new FakeClock();
  const settings = { ...enabled, topicMetrics: { metrics: { all: '#' } } };
  const { broker, connect } = await embed(t, { clock, settings });
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 1 });
  const pass = async (topic: string, tookMs: number, jumpMs: number): Promise<void> => {
    await broker.publish({ topic, qos: 1 });
    const { packetId } = await client.expect('publish');
    clock.jumpWall(jumpMs);
    clock.advance(tookMs);
    client.send(acknowledgementBytes('puback', packetId));
    client.send(pingreqBytes());
    await client.expect('pingresp');
  };
  const dayMs = 24 * 3600 * 1000;
  await pass('fast 1', 10, dayMs);
  await pass('slow', 700, -2 * dayMs);
  await pass('fast 2', 10, -dayMs);
  await pass('fast 3', 10, 4 * dayMs);
  const slow = broker.feature(slowSubscriptions);
  const listed = (): unknown => slow.list().map(({ topic, timespanMs }) => [topic, timespanMs]);
  assert.deepEqual(listed(), [['slow', 700]]);
  const { latencyMs } = broker.feature(topicMetrics).get('all')!;
  assert.deepEqual([latencyMs.count, latencyMs.p50, latencyMs.max], [4, 10, 700]);
  clock.jumpWall(-4 * dayMs);
  clock.advance(299_000);
  assert.deepEqual(listed(), [['slow', 700]]);
  clock.advance(2000);
  assert.deepEqual(listed(), []);
});
