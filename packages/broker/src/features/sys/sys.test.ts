import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createBroker } from '@wrenmq/broker';
import { FakeClock, tempDirectory, WireClient } from '@wrenmq/testkit';

const mosquittoSub = '/usr/bin/mosquitto_sub';
const run = promisify(execFile);

const clock = new FakeClock();
const directory = await tempDirectory('wrenmq-sys-');
const off = { enabled: false };
const broker = createBroker({
  clock,
  settings: {
    dataDirectory: directory.path,
    listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, wss: off, tls: off, tls1884: off },
    admin: off,
  },
});
let port = 0;

before(async () => {
  const bound = await broker.start();
  port = bound.listeners[0].port;
});
after(async () => {
  await broker.stop();
  await directory.remove();
});

test('a new subscription gets every value at once, as retained messages', async () => {
  const client = await WireClient.open({ host: '127.0.0.1', port });
  await client.connect({ clientId: 'reader' });
  await client.subscribe('$SYS/broker/version');
  const { topic, retain, payload, qos } = await client.expect('publish');
  assert.deepEqual({ topic, retain, qos }, { topic: '$SYS/broker/version', retain: true, qos: 0 });
  assert.match(payload.toString(), /^WrenMQ version \d/);
  await client.cut();
});

test('a subscription that exists gets a change without RETAIN [MQTT-3.3.1-12], with it when it asks for it [MQTT-3.3.1-13]', async () => {
  for (const retainAsPublished of [false, true]) {
    const client = await WireClient.open({ host: '127.0.0.1', port });
    await client.connect({ clientId: `reader-${retainAsPublished}` });
    await client.subscribe({ filter: '$SYS/broker/uptime', qos: 1, retainAsPublished, retainHandling: 2 });
    await client.expectNothing();
    clock.advance(10_000);
    const { retain, payload } = await client.expect('publish');
    assert.equal(retain, retainAsPublished);
    assert.match(payload.toString(), /^\d+ seconds$/);
    await client.cut();
  }
});

test('# does not bring what is in $SYS [MQTT-4.7.2-1]', async () => {
  const client = await WireClient.open({ host: '127.0.0.1', port });
  await client.connect({ clientId: 'all' });
  await client.subscribe('#');
  await client.expectNothing();
  clock.advance(10_000);
  await client.expectNothing();
  await client.cut();
});

test('mosquitto_sub prints the values, and none of them counts as a retained message', { skip: !existsSync(mosquittoSub) }, async () => {
  const args = ['-h', '127.0.0.1', '-p', String(port), '-t', '$SYS/#', '-v', '-F', '%r %t %p', '-C', '80', '-W', '20'];
  const { stdout } = await run(mosquittoSub, args);
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, 80);
  assert.ok(lines.includes('1 $SYS/broker/retained messages/count 0'));
  assert.ok(lines.every((line) => line.startsWith('1 $SYS/broker')));
});
