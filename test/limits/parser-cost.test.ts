import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, publishBytes, subscribeBytes, unsubscribeBytes } from '@wrenmq/testkit';
import { turns } from '#root/test/fuzz/memory-client.ts';
import { MemoryHouse } from '#root/test/fuzz/memory-house.ts';

// Input that is cheap to send and dear to those who handle it in more than linear time. Nothing here measures time: the sizes
// are such that quadratic work would not end within the limit that every test has.

const MIB = 1024 * 1024;
const limits = { packetBytesMax: '16MiB', connectPacketBytesMax: '16MiB', subscriptionsPerClientMax: 1_000_000 };

function userProperties(count: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [`k${index % 7}`, `${index}`]);
}

test('a PUBLISH with 200,000 user properties is delivered with all of them, in order', async () => {
  await using house = await MemoryHouse.open({ limits });
  const client = await house.connect();
  client.send(subscribeBytes(5, 1, [{ filter: 't', qos: 1 }]));
  await client.packet('suback');
  const pairs = userProperties(200_000);
  client.send(publishBytes(5, { topic: 't', qos: 1, packetId: 1, properties: { userProperties: pairs } }));
  assert.deepEqual((await client.packet('publish')).properties.userProperties, pairs);
});

test('a CONNECT with 40,000 user properties and as many in its will is accepted', async () => {
  await using house = await MemoryHouse.open({ limits });
  const client = house.client();
  const pairs = userProperties(40_000);
  client.send(
    connectBytes(5, { clientId: 'x', properties: { userProperties: pairs }, will: { topic: 'w', properties: { userProperties: pairs } } }),
  );
  await client.packet('connack');
});

test('40,000 filters in one SUBSCRIBE are granted, in one UNSUBSCRIBE given up', async () => {
  await using house = await MemoryHouse.open({ limits });
  for (const version of [4, 5] as const) {
    const client = await house.connect(version);
    const filters = Array.from({ length: 40_000 }, (_, index) => (index % 3 === 0 ? `+/${index}/#` : `f/${index}`));
    client.send(
      subscribeBytes(
        version,
        1,
        filters.map((filter) => ({ filter, qos: 1 })),
      ),
    );
    assert.deepEqual(new Set((await client.packet('suback')).reasonCodes), new Set([1]));
    assert.equal(house.kernel.router.subscriptions, filters.length);
    client.send(unsubscribeBytes(version, 2, filters));
    await client.packet('unsuback');
    assert.equal(house.kernel.router.subscriptions, 0);
  }
});

test('a durable session of 50,000 shared subscriptions is stored and gets its messages', async () => {
  await using house = await MemoryHouse.open({
    limits,
    session: { inflightMax: 65_535, receiveMaximum: 65_535, awaitingPubrelMax: 65_535 },
  });
  const client = await house.connect(5, { clean: false, properties: { sessionExpiryInterval: 3600 } });
  const filters = Array.from({ length: 50_000 }, (_, index) => `$share/g/s/${index}`);
  client.send(
    subscribeBytes(
      5,
      1,
      filters.map((filter) => ({ filter, qos: 1 })),
    ),
  );
  await client.packet('suback');
  client.link.cut();
  await client.link.whenClosed;
  const publisher = await house.connect();
  for (let number = 0; number < 20_000; number += 1) {
    publisher.link.feed(publishBytes(5, { topic: `s/${49_999 - number}`, qos: 1, packetId: number + 1 }));
  }
  await publisher.packet('puback', 19_999);
  assert.deepEqual(house.errors, []);
});

test('300,000 PUBLISH that change the topics of two aliases all the time are taken', async () => {
  await using house = await MemoryHouse.open({ limits });
  const client = await house.connect();
  const packets = Array.from({ length: 10_000 }, (_, index) => {
    const topic = index % 3 === 0 ? '' : `topic/${index}`;
    return publishBytes(5, { topic, properties: { topicAlias: index % 3 === 0 ? 1 + (index % 2) : 1 + (index % 2) } });
  });
  const first = [1, 2].map((topicAlias) => publishBytes(5, { topic: 'a', properties: { topicAlias } }));
  client.send(...first, ...packets);
  for (let round = 0; round < 29; round += 1) client.send(...packets);
  await client.alive();
  assert.equal(house.counters.publishReceivedQoS0, 300_002);
});

test('filters of + at every level cost one way through the tree, however deep the topic', async () => {
  await using house = await MemoryHouse.open({ limits });
  const client = await house.connect();
  // Every mixture of + and a name on 12 levels: who tries them all visits each, who backtracks visits far more.
  const levels = Array.from({ length: 12 }, (_, level) => level);
  const filters = Array.from({ length: 4096 }, (_, mask) => levels.map((level) => ((mask >> level) & 1 ? '+' : 'a')).join('/'));
  const deep = Array.from({ length: 127 }, (_, level) => `${'+/'.repeat(level)}#`);
  client.send(
    subscribeBytes(
      5,
      1,
      [...filters, ...deep].map((filter) => ({ filter, qos: 0 })),
    ),
  );
  await client.packet('suback');
  const publisher = await house.connect();
  const topics = ['a/'.repeat(127).slice(0, -1), '/'.repeat(127), `${'a/'.repeat(11)}a`, `${'b/'.repeat(11)}b`];
  for (let round = 0; round < 500; round += 1) {
    for (const topic of topics) publisher.send(publishBytes(5, { topic: round % 2 === 0 ? topic : `${topic.slice(0, -1)}${round % 10}` }));
    await turns(1);
  }
  await publisher.alive();
  assert.equal(client.all('publish').length, 2000);
});

test('a topic of 32,000 levels is refused or matched, not searched', async () => {
  await using house = await MemoryHouse.open({ limits: { ...limits, topicLevelsMax: 65_535 } });
  const client = await house.connect();
  client.send(
    subscribeBytes(5, 1, [
      { filter: `${'+/'.repeat(32_000)}#`, qos: 0 },
      { filter: `${'a/'.repeat(32_000)}#`, qos: 0 },
    ]),
  );
  await client.packet('suback');
  const publisher = await house.connect();
  for (let round = 0; round < 200; round += 1) publisher.link.feed(publishBytes(5, { topic: `${'a/'.repeat(32_000)}${round}` }));
  await turns(20);
  assert.deepEqual(house.errors, []);
  await publisher.alive();
  await turns();
  assert.equal(client.all('publish').length, 200);
});

test('a stream of the smallest packets is handled to its end', async () => {
  await using house = await MemoryHouse.open({ limits });
  const publisher = await house.connect(4);
  const packet = publishBytes(4, { topic: 't' });
  publisher.send(Buffer.concat(Array.from({ length: Math.floor((2 * MIB) / packet.length) }, () => packet)));
  await publisher.alive();
});
