import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { freePort, launchAedes, launchBroker } from '@wrenmq/testkit';
import { wrenmq } from './run-wrenmq.ts';

interface Times {
  readonly sent: number;
  readonly answered: number;
  readonly minMs: number;
  readonly maxMs: number;
}

function ping(port: number, ...args: readonly string[]): ReturnType<typeof wrenmq> {
  return wrenmq('ping', '-h', '127.0.0.1', '-p', String(port), '-i', '0', ...args);
}

test('ping tells of connection, PINGREQ and a message through a topic, as JSON', async () => {
  await using broker = await launchBroker();
  for (const qos of ['0', '1', '2']) {
    const { status, stdout, stderr } = await ping(broker.target().port, '-c', '3', '-t', 'test/ping', '-q', qos, '--json');
    assert.equal(status, 0, stderr);
    const result = JSON.parse(stdout) as { schema: string; version: string; connectMs: number; ping: Times; publish: Times };
    assert.deepEqual([result.schema, result.version], ['wrenmq.ping/1', 'MQTT 5.0']);
    for (const { sent, answered, minMs, maxMs } of [result.ping, result.publish]) {
      assert.deepEqual([sent, answered], [3, 3]);
      assert.ok(minMs > 0 && minMs <= maxMs);
    }
  }
});

test('ping prints a line for each round trip, and speaks 3.1.1 where there is no MQTT 5', async () => {
  await using broker = await launchAedes();
  const { status, stdout } = await ping(broker.target.port, '-c', '2');
  assert.equal(status, 0);
  const time = String.raw`\d+\.\d+ ms`;
  const url = `mqtt://127.0.0.1:${broker.target.port}`;
  const lines = [
    `${url}: connected in ${time}, CONNECT answered in ${time}, MQTT 3.1.1`,
    `PINGRESP 1: ${time}`,
    `PINGRESP 2: ${time}`,
    `--- ${url} ---`,
    `PINGREQ: 2 sent, 2 answered, 0 % lost, min ${time}, p50 ${time}, p99 ${time}, max ${time}`,
  ];
  assert.match(stdout, new RegExp(`^${lines.join('\n')}\n$`));
});

test('ping goes over TLS, WebSocket and both', async () => {
  await using broker = await launchBroker();
  const port = (name: string): string => String(broker.target(name).port);
  const authority = ['--cafile', broker.certificateAuthority];
  for (const way of [
    ['-L', `mqtts://localhost:${port('tls')}`, ...authority],
    ['-L', `ws://127.0.0.1:${port('ws')}/mqtt`],
    ['-L', `wss://localhost:${port('wss')}/mqtt`, ...authority],
  ]) {
    const { status, stdout, stderr } = await wrenmq('ping', ...way, '-c', '2', '-i', '0', '--json');
    assert.equal(status, 0, `${way.join(' ')}: ${stderr}`);
    assert.equal((JSON.parse(stdout) as { ping: Times }).ping.answered, 2);
  }
  const stranger = await wrenmq('ping', '-L', `mqtts://localhost:${port('tls')}`, '-c', '1');
  assert.equal(stranger.status, 3);
  assert.match(stranger.stderr, /certificate/);
});

test('ping ends with 3 when there is no broker, or a silent one, and with 4 when it refuses', async () => {
  assert.equal((await ping(await freePort())).status, 3);

  const silent = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const late = await ping((silent.address() as AddressInfo).port, '--timeout', '0.2');
  silent.close();
  assert.equal(late.status, 3);
  assert.match(late.stderr, /no answer within 200 ms/);

  await using broker = await launchBroker({ settings: { 'listeners.tcp.anonymous': 'deny' } });
  const refused = await ping(broker.target().port);
  assert.equal(refused.status, 4);
  assert.match(refused.stderr, /refuses the connection: CONNACK/);
});

test('ping --reconnect tells of every layer of every connection', async () => {
  await using broker = await launchBroker();
  const tls = ['-L', `mqtts://localhost:${broker.target('tls').port}`, '--cafile', broker.certificateAuthority];
  const json = await wrenmq('ping', '3', ...tls, '-i', '0', '--reconnect', '-t', 'a', '--json');
  assert.equal(json.status, 0, json.stderr);
  const result = JSON.parse(json.stdout) as Record<'ping' | 'publish', Times> & { layers: Record<string, Times> };
  assert.deepEqual(
    Object.entries({ ...result.layers, PINGREQ: result.ping, PUBLISH: result.publish }).map(([layer, { answered }]) => [layer, answered]),
    ['TCP', 'TLS', 'CONNECT', 'PINGREQ', 'PUBLISH'].map((layer) => [layer, 3]),
  );
  const plain = await ping(broker.target().port, '2', '--reconnect');
  assert.equal(plain.status, 0, plain.stderr);
  for (const layer of ['TCP', 'CONNECT', 'PINGREQ'])
    assert.match(plain.stdout, new RegExp(`^${layer}: 2 sent, 2 answered, 0 % lost, min `, 'm'));
  const web = await wrenmq('ping', '2', '-L', `ws://127.0.0.1:${broker.target('ws').port}/mqtt`, '-i', '0', '--reconnect');
  assert.match(web.stdout, /^WebSocket: 2 sent, 2 answered/m);
});

test('ping says what is wrong with its flags', async () => {
  const { status, stderr } = await wrenmq('ping', '--size', '2', '-t', 'a');
  assert.deepEqual([status, /--size 2: must be a whole number from 8 /.test(stderr)], [2, true]);
});
