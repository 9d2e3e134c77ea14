import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '@wrenmq/broker';
import { connectBytes, publishBytes, tempDirectory, WireClient } from '@wrenmq/testkit';
import { embed, settings } from './start.ts';

test('stop tells MQTT 5 clients 0x8B Server shutting down, and closes the others', async (t) => {
  const { broker, connect } = await embed(t);
  const clients = [await connect({ clientId: 'five' }, 5), await connect({ clientId: 'four' }, 4), await connect({ clientId: 'three' }, 3)];
  await broker.stop();
  for (const client of clients) await client.expectDisconnect(0x8b);
});

test('a drain sends clients elsewhere: 0x9C with the server to use', async (t) => {
  const drain = { reasonCode: 'useAnotherServer', serverReference: 'mqtt2.example.org:8883' };
  const { broker, connect } = await embed(t, { settings: { drain } });
  const client = await connect();
  await broker.stop();
  const { reasonCode, properties } = await client.expect('disconnect');
  assert.deepEqual([reasonCode, properties.serverReference], [0x9c, 'mqtt2.example.org:8883']);
  await client.expectClose();
});

test('0x9D says that the server has moved for good', async (t) => {
  const { broker, connect } = await embed(t, { settings: { drain: { reasonCode: 'serverMoved', serverReference: 'new' } } });
  const client = await connect();
  await broker.stop();
  assert.equal((await client.expect('disconnect')).reasonCode, 0x9d);
});

test('a connection that has not said CONNECT is closed without a word', async (t) => {
  const { broker, target } = await embed(t);
  const silent = await WireClient.open(target);
  // The broker has taken the connection when it answers another one.
  const other = await WireClient.open(target);
  await other.connect({ clientId: 'other' });
  await broker.stop();
  await silent.expectClose();
});

test('what was acknowledged is on disk when stop resolves, and what a client had not taken comes again', async () => {
  const directory = await tempDirectory('wrenmq-embedding-');
  const durable = { ...settings, durability: 'disk', dataDirectory: directory.path };
  const lasting = { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 3600 } };
  const broker = createBroker({ settings: durable });
  const [place] = (await broker.start()).listeners;
  const client = await WireClient.open({ host: place.address, port: place.port });
  await client.connect(lasting);
  await client.subscribe({ filter: 'a', qos: 1 });
  const publisher = await WireClient.open({ host: place.address, port: place.port });
  await publisher.connect({ clientId: 'p' });
  for (let number = 1; number <= 100; number += 1)
    publisher.send(publishBytes(5, { topic: 'a', payload: String(number), qos: 1, packetId: number }));
  for (let number = 1; number <= 100; number += 1) await publisher.expect('puback');
  await broker.stop();

  const again = createBroker({ settings: durable });
  const [next] = (await again.start()).listeners;
  const back = await WireClient.open({ host: next.address, port: next.port });
  assert.equal((await back.connect(lasting)).sessionPresent, true);
  for (let number = 1; number <= 100; number += 1) assert.equal((await back.receive()).payload.toString(), String(number));
  await back.cut();
  await again.stop();
  await directory.remove();
});

test('clients that come during a stop are refused', async (t) => {
  const { broker, target, connect } = await embed(t, { settings: { shutdown: { graceTime: '10s' } } });
  await connect();
  const waiting = await WireClient.open(target);
  const stopped = broker.stop();
  waiting.send(connectBytes(5, { clientId: 'late' }));
  await waiting.whenClosed;
  assert.ok(waiting.received.every((packet) => packet.type === 'connack' && packet.reasonCode !== 0));
  await stopped;
  await assert.rejects(WireClient.open(target));
});

test('wills of connected clients are kept for durable subscribers when the broker stops', async (t) => {
  const directory = await tempDirectory('wrenmq-embedding-');
  t.after(() => directory.remove());
  const durable = { settings: { durability: 'disk', dataDirectory: directory.path } };
  const lasting = { clientId: 'reader', clean: false, properties: { sessionExpiryInterval: 3600 } };
  const first = await embed(t, durable);
  const reader = await first.connect(lasting);
  await reader.subscribe({ filter: 'wills', qos: 1 });
  await reader.cut();
  await first.connect({ clientId: 'c', will: { topic: 'wills', payload: 'gone', qos: 1 } });
  await first.broker.stop();
  const second = await embed(t, durable);
  const back = await second.connect(lasting);
  assert.equal((await back.receive()).payload.toString(), 'gone');
});
