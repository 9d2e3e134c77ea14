import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, connectBytes, pingreqBytes, publishBytes, subscribeBytes } from '@wrenmq/testkit';
import { turns, type MemoryClient } from '#root/test/fuzz/memory-client.ts';
import { MemoryHouse } from '#root/test/fuzz/memory-house.ts';

// Clients that read, send or do nothing slowly: each costs a bounded amount of memory, and nobody else's service.

const KIB = 1024;

async function subscribe(client: MemoryClient, filter: string, qos: 0 | 1 | 2): Promise<void> {
  const seen = client.all('suback').length;
  client.send(subscribeBytes(client.version, 65_000, [{ filter, qos }]));
  await client.packet('suback', seen);
}

test('a CONNECT that comes byte by byte must be whole within the connect timeout', async () => {
  await using house = await MemoryHouse.open({ limits: { connectTimeout: '10s' } });
  const client = house.client();
  const bytes = connectBytes(5, { clientId: 'a-slow-client' });
  for (let at = 0; at < bytes.length - 1 && !client.link.isClosed; at += 1) {
    client.send(bytes.subarray(at, at + 1));
    await turns();
    house.clock.advance(1000);
    await turns();
  }
  assert.equal(client.link.isClosed, true);
  assert.equal(house.counters.refused['connect-timeout'], 1);
});

test('a connection that sends nothing is closed after the connect timeout, one that was let in is not', async () => {
  await using house = await MemoryHouse.open({ limits: { connectTimeout: '10s' } });
  const silent = house.client();
  const idle = await house.connect();
  house.clock.advance(9_000);
  await turns();
  assert.equal(silent.link.isClosed, false);
  house.clock.advance(2_000);
  await turns();
  assert.equal(silent.link.isClosed, true);
  await idle.alive();
});

test('a client that comes in late, byte by byte, and then says no more has its whole keep alive', async () => {
  await using house = await MemoryHouse.open({ limits: { connectTimeout: '10s' } });
  const client = house.client();
  house.clock.advance(9_000);
  client.send(connectBytes(5, { clientId: 'late', keepAlive: 4 }));
  await client.packet('connack');
  house.clock.advance(5_000);
  await turns();
  assert.equal(client.link.isClosed, false);
  house.clock.advance(2_000);
  await client.refused(0x8d);
});

test('small messages for a client that does not read cost no more memory than the outbox limit and a little', async () => {
  await using house = await MemoryHouse.open({ limits: { outboxBytesMax: '64KiB' } });
  const deaf = await house.connect();
  const healthy = await house.connect();
  await subscribe(deaf, 't', 0);
  await subscribe(healthy, 't', 0);
  deaf.link.stopTaking();
  const publisher = await house.connect();
  const count = 3000;
  for (let sent = 0; sent < count; sent += 1) {
    publisher.send(publishBytes(5, { topic: 't', payload: 'x'.repeat(20) }));
    await turns(2);
  }
  await publisher.alive();
  await turns();
  assert.ok(deaf.link.keptMemoryBytes <= 64 * KIB + 16 * KIB, `${deaf.link.keptMemoryBytes} bytes are kept`);
  assert.equal(healthy.all('publish').length, count);
  deaf.link.takeAgain();
  await turns();
  assert.equal(deaf.all('publish').length + house.counters.dropped['outbox-full'], count);
  await deaf.alive();
});

for (const [sessionExpiryInterval, kind] of [
  [0, 'a session that ends with its connection'],
  [3600, 'a durable session'],
] as const) {
  for (const qos of [1, 2] as const) {
    test(`QoS ${qos} messages for a client that does not read wait in ${kind}, not in the outbox`, async () => {
      await using house = await MemoryHouse.open({ limits: { outboxBytesMax: '64KiB' }, session: { memoryQueueBytesMax: '100MB' } });
      const deaf = await house.connect(5, { properties: { sessionExpiryInterval } });
      await subscribe(deaf, 't', qos);
      deaf.link.stopTaking();
      const publisher = await house.connect();
      const count = 50;
      for (let packetId = 1; packetId <= count; packetId += 1) {
        publisher.send(publishBytes(5, { topic: 't', qos, packetId, payload: Buffer.alloc(100_000, packetId) }));
        await publisher.packet(qos === 1 ? 'puback' : 'pubrec', packetId - 1);
      }
      await turns();
      assert.ok(deaf.link.keptMemoryBytes <= 64 * KIB + 200_000, `${deaf.link.keptMemoryBytes} bytes are kept`);
      deaf.link.takeAgain();
      for (let index = 0; index < count; index += 1) {
        const message = await deaf.packet('publish', index);
        assert.equal(message.payload[0], index + 1);
        deaf.send(acknowledgementBytes(qos === 1 ? 'puback' : 'pubrec', message.packetId));
        if (qos === 2) {
          const { packetId } = await deaf.packet('pubrel', index);
          deaf.send(acknowledgementBytes('pubcomp', packetId));
        }
      }
      await deaf.alive();
      assert.equal(deaf.all('publish').length, count);
      assert.deepEqual(house.errors, []);
    });
  }
}

test('a client that takes nothing is closed after the send timeout, and its session stays', async () => {
  await using house = await MemoryHouse.open({ limits: { sendTimeout: '30s' } });
  const options = { clientId: 'deaf', clean: false, properties: { sessionExpiryInterval: 3600 } };
  const deaf = await house.connect(5, options);
  await subscribe(deaf, 't', 1);
  deaf.link.stopTaking();
  const publisher = await house.connect();
  publisher.send(publishBytes(5, { topic: 't', qos: 1, packetId: 1 }));
  await publisher.packet('puback');
  house.clock.advance(29_000);
  await turns();
  assert.equal(deaf.link.isClosed, false);
  house.clock.advance(2_000);
  await turns();
  assert.equal(deaf.link.isClosed, true);
  assert.equal(house.counters.refused['send-timeout'], 1);
  await publisher.alive();
  const again = await house.connect(5, options);
  assert.equal((await again.packet('publish')).topic, 't');
});

test('a client that takes a little of what waits, again and again, is slow and stays', async () => {
  await using house = await MemoryHouse.open({ limits: { sendTimeout: '30s', outboxBytesMax: '64KiB' } });
  const slow = await house.connect();
  await subscribe(slow, 't', 0);
  slow.link.stopTaking();
  const publisher = await house.connect();
  for (let round = 0; round < 20; round += 1) {
    // More than it takes: nothing ever drains.
    for (let count = 0; count < 20; count += 1) publisher.send(publishBytes(5, { topic: 't', payload: Buffer.alloc(10_000) }));
    await publisher.alive();
    slow.link.takeSome(1000);
    house.clock.advance(20_000);
    await turns();
    assert.equal(slow.link.isClosed, false, `closed in round ${round}`);
  }
  assert.ok(slow.link.pendingBytes > 0);
  house.clock.advance(31_000);
  await turns();
  assert.equal(slow.link.isClosed, true);
  assert.equal(house.counters.refused['send-timeout'], 1);
});

test('a client that asks without reading the answers is not read from, and goes on when it reads', async () => {
  await using house = await MemoryHouse.open({ limits: { outboxBytesMax: '16KiB' } });
  const client = await house.connect();
  client.link.stopTaking();
  const questions = 100_000;
  client.send(Buffer.concat(Array.from({ length: questions }, () => pingreqBytes())));
  await turns();
  assert.equal(client.link.isPaused, true);
  assert.ok(client.link.keptMemoryBytes <= 16 * KIB + 2 * 64 * KIB, `${client.link.keptMemoryBytes} bytes are kept`);
  client.link.takeAgain();
  await client.packet('pingresp', questions - 1);
});

test('a packet that claims 256 MiB costs what has come of it', async () => {
  await using house = await MemoryHouse.open({ limits: { packetBytesMax: '256MiB', connectPacketBytesMax: '256MiB' } });
  const clients = await Promise.all(Array.from({ length: 50 }, () => house.connect()));
  const before = process.memoryUsage().arrayBuffers;
  for (const client of clients) client.send(Buffer.from('30fbffff7f', 'hex'), Buffer.alloc(1000, 'x'));
  for (const version of [3, 4, 5] as const) house.client(version).send(Buffer.from('10fbffff7f', 'hex'), Buffer.alloc(1000));
  await turns();
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 2 * KIB * KIB, `${grown} bytes were allocated`);
  assert.equal(
    clients.every(({ link }) => !link.isClosed),
    true,
  );
});

test('a large packet that comes in small pieces is delivered whole', async () => {
  await using house = await MemoryHouse.open({ limits: { packetBytesMax: '32MiB' } });
  const subscriber = await house.connect();
  await subscribe(subscriber, 't', 1);
  const publisher = await house.connect();
  const payload = Buffer.alloc(20 * KIB * KIB, 'large');
  const bytes = publishBytes(5, { topic: 't', qos: 1, packetId: 1, payload });
  for (let at = 0; at < bytes.length; at += 1460) publisher.link.feed(bytes.subarray(at, at + 1460));
  await publisher.packet('puback');
  assert.equal((await subscriber.packet('publish')).payload.equals(payload), true);
});

for (const version of [4, 5] as const) {
  test(`a durable client that sends faster than the disk is read from again as soon as the disk has it (version ${version})`, async () => {
    await using house = await MemoryHouse.open({ session: { receiveMaximum: 10, awaitingPubrelMax: 10 } });
    const options = { clean: false, properties: { sessionExpiryInterval: 3600 } };
    const client = await house.connect(version, options);
    // Everything waits for the disk behind the QoS 2 message; no time passes.
    client.send(publishBytes(version, { topic: 't', qos: 2, packetId: 1 }));
    const questions = 500;
    for (let count = 0; count < questions; count += 1) client.send(pingreqBytes(), publishBytes(version, { topic: 't' }));
    await client.packet('pingresp', questions - 1);
  });
}
