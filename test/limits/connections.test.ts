import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as openSocket, type Socket } from 'node:net';
import { test } from 'node:test';
import { connectBytes, launchBroker, pingreqBytes, WireClient } from '@wrenmq/testkit';
import { turns } from '#root/test/fuzz/memory-client.ts';
import { usedBytes } from '#root/test/fuzz/measure.ts';
import { MemoryHouse } from '#root/test/fuzz/memory-house.ts';
import { SocketBroker } from './socket-broker.ts';

// How many may come, and what those cost who come and say nothing.

async function open(port: number, first: Buffer | string = Buffer.alloc(0)): Promise<Socket> {
  const socket = openSocket(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (first.length > 0) socket.write(first);
  return socket;
}

/** The far end has closed, whatever it sent before. */
async function closed(socket: Socket): Promise<void> {
  socket.resume();
  // A reset is an end, too.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

test('a connection over limits.connectionsMax gets 0x89, in MQTT 3 return code 3, and may come when another has gone', async () => {
  await using house = await SocketBroker.start({ limits: { connectionsMax: 2 } });
  const first = await house.connect('a');
  const second = await house.connect('b', 4);
  const third = await WireClient.open(house.target(), 5);
  third.send(connectBytes(5, { clientId: 'c' }));
  assert.equal((await third.expect('connack')).reasonCode, 0x89);
  await third.expectClose();
  const old = await WireClient.open(house.target(), 4);
  old.send(connectBytes(4, { clientId: 'c' }));
  assert.equal((await old.expect('connack')).reasonCode, 3);
  await old.expectClose();
  await first.expectNothing();
  await second.cut();
  const again = await house.connect('c');
  await Promise.all([first.cut(), again.cut()]);
});

test('a client over the connectionsMax of its listener gets 0x89, in MQTT 3 return code 3; another listener is open', async () => {
  await using house = await SocketBroker.start({
    listeners: { tcp: { bind: '127.0.0.1:0', connectionsMax: 1 }, other: { kind: 'tcp', bind: '127.0.0.1:0' } },
  });
  // Who has not said CONNECT takes nobody's place.
  const silent = await open(house.target().port);
  const first = await house.connect('a');
  for (const [version, refusal] of [
    [5, 0x89],
    [4, 3],
    [3, 3],
  ] as const) {
    const second = await WireClient.open(house.target(), version);
    second.send(connectBytes(version, { clientId: 'b' }));
    assert.equal((await second.expect('connack')).reasonCode, refusal);
    await second.expectClose();
  }
  silent.destroy();
  const other = await house.connect('c', 5, 'other');
  await first.cut();
  // The broker hears of the end a little later than we do.
  let again: WireClient | null = null;
  while (again === null) again = await house.connect('d').catch(() => null);
  await Promise.all([other.cut(), again.cut()]);
});

test('of clients that come at once as many are let in as there are places, whatever the order of their packets', async () => {
  await using house = await SocketBroker.start({ limits: { connectionsMax: 20 } });
  const clients = await Promise.all(Array.from({ length: 50 }, () => WireClient.open(house.target(), 5)));
  const codes = await Promise.all(
    clients.map(async (client, index) => {
      client.send(connectBytes(5, { clientId: `c${index}` }));
      return (await client.expect('connack')).reasonCode;
    }),
  );
  assert.equal(codes.filter((code) => code === 0).length, 20);
  assert.equal(codes.filter((code) => code === 0x89).length, 30);
  await Promise.all(clients.map((client) => client.cut()));
});

test('a listener takes a thousand connections more than clients, and closes what is over that at once', async () => {
  await using house = await SocketBroker.start({ listeners: { tcp: { bind: '127.0.0.1:0', connectionsMax: 1 } } });
  const first = await house.connect('a');
  const { port } = house.target();
  const crowd = await Promise.all(Array.from({ length: 1000 }, () => open(port)));
  const over = await open(port, connectBytes(5, { clientId: 'b' }));
  await closed(over);
  assert.equal(over.bytesRead, 0);
  await first.expectNothing();
  for (const socket of crowd) socket.destroy();
  await first.cut();
});

test('an overloaded broker refuses new clients with 0x89', async () => {
  await using house = await SocketBroker.start({ overload: { memoryBytesMax: '64MiB' } });
  const client = await WireClient.open(house.target(), 5);
  client.send(connectBytes(5, { clientId: 'late' }));
  assert.equal((await client.expect('connack')).reasonCode, 0x89);
  await client.expectClose();
});

test('a broker that is drained sends its clients elsewhere: 0x9C with a server reference, MQTT 3 clients only the end', async () => {
  const house = await SocketBroker.start({ drain: { reasonCode: 'useAnotherServer', serverReference: 'mqtt2.example.org:8883' } });
  const client = await house.connect('a');
  const old = await house.connect('b', 4);
  const silent = await WireClient.open(house.target(), 5);
  // It has been accepted when one that came after it is served.
  const last = await house.connect('c');
  const stopped = house[Symbol.asyncDispose]();
  const goodbye = await client.expect('disconnect');
  assert.deepEqual([goodbye.reasonCode, goodbye.properties.serverReference], [0x9c, 'mqtt2.example.org:8883']);
  await client.expectClose();
  await old.expectClose();
  // Nobody knows which version it speaks, and it has asked nothing.
  await silent.expectClose();
  await last.expectDisconnect(0x9c);
  await stopped;
});

test('5,000 connections that say nothing, or half a CONNECT, cost 4 KiB each at most, delay nobody and are closed in time', async () => {
  await using house = await MemoryHouse.open({ limits: { connectTimeout: '10s' } });
  const half = connectBytes(5, { clientId: 'x'.repeat(1000) }).subarray(0, 500);
  const before = await usedBytes();
  const clients = Array.from({ length: 5000 }, (_, index) => {
    const client = house.client();
    if (index % 2 === 0) client.send(half);
    return client;
  });
  await turns();
  const each = ((await usedBytes()) - before) / clients.length;
  assert.ok(each < 4096, `${each} bytes each`);
  const honest = await house.connect();
  house.clock.advance(11_000);
  await turns();
  assert.equal(
    clients.every(({ link }) => link.isClosed),
    true,
  );
  await honest.alive();
  assert.equal(house.counters.refused['connect-timeout'], clients.length);
});

test('connections that never come to speak MQTT are closed in time, on every kind of listener', async () => {
  const bind = '127.0.0.1:0';
  await using house = await SocketBroker.start({
    limits: { connectTimeout: '10s' },
    listeners: { tcp: { bind }, ws: { bind }, tls: { bind }, wss: { bind } },
  });
  const clientHello = Buffer.from('16030100', 'hex');
  const opened = [
    ...Array.from({ length: 300 }, () => open(house.target().port, Buffer.from('10', 'hex'))),
    ...Array.from({ length: 200 }, () => open(house.target('ws').port, 'GET /mqtt HTTP/1.1\r\nHost: x\r\nX-Slow: ')),
    ...Array.from({ length: 100 }, () => open(house.target('ws').port)),
    ...Array.from({ length: 100 }, () => open(house.target('tls').port, clientHello)),
    ...Array.from({ length: 100 }, () => open(house.target('tls').port)),
    ...Array.from({ length: 100 }, () => open(house.target('wss').port, clientHello)),
  ];
  const sockets = await Promise.all(opened);
  // They are accepted in turn: one that came after them on each listener is the last.
  for (const name of ['ws', 'tls', 'wss']) sockets.push(await open(house.target(name).port));
  const honest = await house.connect('honest');
  await turns(50);
  house.clock.advance(9000);
  await turns(10);
  assert.equal(
    sockets.some((socket) => socket.closed),
    false,
  );
  house.clock.advance(2000);
  await turns(10);
  house.clock.advance(6000);
  await Promise.all(sockets.map(closed));
  await honest.expectNothing();
  await honest.cut();
});

test('10,000 clients that connect at once are all served, and those who are here are', { timeout: 120_000 }, async () => {
  await using broker = await launchBroker({ settings: { durability: 'memory' } });
  const { port } = broker.target();
  const early = await WireClient.open(broker.target(), 5);
  await early.connect({ clientId: 'early' });
  const answered = Array.from({ length: 10_000 }, (_, index) => connackOf(port, index));
  for (let ping = 0; ping < 20; ping += 1) await early.expectNothing();
  const sockets = await Promise.all(answered);
  for (const socket of sockets) socket.write(pingreqBytes());
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  await early.expectNothing();
  for (const socket of sockets) socket.destroy();
  await early.cut();
});

/** A socket whose CONNECT was accepted. */
function connackOf(port: number, index: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(port, '127.0.0.1', () => socket.write(connectBytes(4, { clientId: `burst${index}` })));
    socket.once('error', reject);
    socket.once('data', (bytes: Buffer) => {
      if (bytes.equals(Buffer.from('20020000', 'hex'))) resolve(socket);
      else reject(new Error(`client ${index} got ${bytes.toString('hex')}`));
    });
    socket.once('close', () => reject(new Error(`client ${index} was closed`)));
  });
}
