import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, connectBytes, publishBytes, subscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { turns, type MemoryClient } from '#root/test/fuzz/memory-client.ts';
import { MemoryHouse } from '#root/test/fuzz/memory-house.ts';

// What one packet or one client may ask for. The connection that asks for more is told so; nobody else notices.

const all: readonly ProtocolVersion[] = [3, 4, 5];

async function granted(client: MemoryClient, ...filters: readonly string[]): Promise<readonly number[]> {
  const seen = client.all('suback').length;
  client.send(
    subscribeBytes(
      client.version,
      seen + 1,
      filters.map((filter) => ({ filter, qos: 1 })),
    ),
  );
  return (await client.packet('suback', seen)).reasonCodes;
}

test('a packet over limits.packetBytesMax is refused with 0x95 by its fixed header, before its bytes come', async () => {
  await using house = await MemoryHouse.open({ limits: { packetBytesMax: '1KiB' } });
  for (const version of all) {
    const client = await house.connect(version);
    // 1 + 2 + 1021 bytes are 1024.
    client.send(Buffer.concat([Buffer.from('30fd07', 'hex'), Buffer.from('000161'), Buffer.alloc(1021 - 3)]).subarray(0, 1024));
    await client.alive().catch(() => {});
    const over = await house.connect(version);
    over.send(Buffer.from('30fe07', 'hex'));
    await over.refused(0x95);
  }
  assert.equal(house.counters.refused.quota, all.length);
});

test('a packet of exactly limits.packetBytesMax is taken', async () => {
  await using house = await MemoryHouse.open({ limits: { packetBytesMax: '1KiB' } });
  for (const version of all) {
    const client = await house.connect(version);
    const empty = publishBytes(version, { topic: 'a', payload: Buffer.alloc(200) }).length - 200;
    const bytes = publishBytes(version, { topic: 'a', payload: Buffer.alloc(1024 - empty) });
    assert.equal(bytes.length, 1024);
    client.send(bytes);
    await client.alive();
  }
});

test('a CONNECT over limits.connectPacketBytesMax ends the connection by its start; later packets may be larger', async () => {
  await using house = await MemoryHouse.open({ limits: { packetBytesMax: '10KiB', connectPacketBytesMax: '1KiB' } });
  const large = connectBytes(5, { clientId: 'x'.repeat(2000) });
  // Up to the protocol level nobody knows which version would have to be answered; MQTT 3 has no return code for it.
  for (const start of [
    large.subarray(0, 3),
    large.subarray(0, 9),
    connectBytes(4, { clientId: 'x'.repeat(2000) }),
    connectBytes(5, { clientId: 'x'.repeat(2000), protocolLevel: 6 }),
    connectBytes(5, { clientId: 'x'.repeat(2000), protocolName: 'SPDY' }),
    publishBytes(5, { topic: 'MQTT\x05', payload: Buffer.alloc(2000) }),
  ]) {
    const client = house.client();
    client.send(start);
    await client.link.whenClosed;
    assert.equal(client.packets.length, 0);
  }
  for (const start of [large.subarray(0, 10), large]) {
    const client = house.client();
    client.send(start);
    await client.refused(0x95);
  }
  assert.equal(house.counters.refused['quota'], 8);
  const connected = house.client();
  connected.send(connectBytes(5, { clientId: 'x' }), publishBytes(5, { topic: 'a', payload: Buffer.alloc(5000) }));
  await connected.packet('connack');
  await connected.alive();
});

test('a topic name of too many levels gets 0x90, a filter 0x8F, a will topic 0x90 in CONNACK', async () => {
  await using house = await MemoryHouse.open({ limits: { topicLevelsMax: 3 } });
  for (const version of all) {
    const client = await house.connect(version);
    assert.deepEqual(await granted(client, 'a/b/c', 'a/b/#', 'a/b/c/d', '/a/b/', '$share/g/a/b/c'), [
      1,
      1,
      version === 5 ? 0x8f : 0x80,
      version === 5 ? 0x8f : 0x80,
      1,
    ]);
    client.send(publishBytes(version, { topic: 'a/b/c' }));
    await client.alive();
    client.send(publishBytes(version, { topic: 'a/b/c/d' }));
    await client.refused(0x90);
  }
  const willing = house.client(5);
  willing.send(connectBytes(5, { clientId: 'w', will: { topic: 'a/b/c/d' } }));
  await willing.refused(0x90);
});

test('a topic name over limits.topicBytesMax gets 0x90, a filter 0x8F, a will topic 0x90 in CONNACK', async () => {
  await using house = await MemoryHouse.open({ limits: { topicBytesMax: 10 } });
  for (const version of all) {
    const client = await house.connect(version);
    assert.deepEqual(await granted(client, '0123456789', 'é23456789', '0123456789a', 'é234567890', '$share/g/0'), [
      1,
      1,
      version === 5 ? 0x8f : 0x80,
      version === 5 ? 0x8f : 0x80,
      1,
    ]);
    client.send(publishBytes(version, { topic: '0123456789' }));
    await client.alive();
    client.send(publishBytes(version, { topic: '0123456789a' }));
    await client.refused(0x90);
  }
  const willing = house.client(5);
  willing.send(connectBytes(5, { clientId: 'w', will: { topic: '0123456789a' } }));
  await willing.refused(0x90);
});

test('a client identifier over limits.clientIdBytesMax gets 0x85, counted in bytes', async () => {
  await using house = await MemoryHouse.open({ limits: { clientIdBytesMax: 23 } });
  for (const version of all) {
    await house.connect(version, { clientId: 'x'.repeat(23) });
    const client = house.client(version);
    client.send(connectBytes(version, { clientId: 'é'.repeat(12) }));
    await client.refused(version === 5 ? 0x85 : 2);
  }
});

test('a client identifier of 65,535 bytes is a client identifier', async () => {
  await using house = await MemoryHouse.open();
  for (const version of all) await house.connect(version, { clientId: `${version}`.repeat(65_535) });
});

test('a subscription over limits.subscriptionsPerClientMax gets 0x97, replacing one does not', async () => {
  await using house = await MemoryHouse.open({ limits: { subscriptionsPerClientMax: 3 } });
  for (const version of all) {
    const refusal = version === 5 ? 0x97 : 0x80;
    const client = await house.connect(version);
    assert.deepEqual(await granted(client, 'a', 'b', 'a', '$share/g/c', 'd', 'b'), [1, 1, 1, 1, refusal, 1]);
    assert.deepEqual(await granted(client, 'e', 'a'), [refusal, 1]);
    const other = await house.connect(version);
    assert.deepEqual(await granted(other, 'd'), [1]);
  }
});

test('session.inflightMax bounds what is on its way to a client, its own Receive Maximum may be less', async () => {
  await using house = await MemoryHouse.open({ session: { inflightMax: 3 } });
  const publisher = await house.connect();
  const clients = [await house.connect(4), await house.connect(5), await house.connect(5, { properties: { receiveMaximum: 2 } })];
  for (const client of clients) assert.deepEqual(await granted(client, 't'), [1]);
  for (let packetId = 1; packetId <= 5; packetId += 1) publisher.send(publishBytes(5, { topic: 't', qos: 1, packetId }));
  await publisher.packet('puback', 4);
  await turns();
  assert.deepEqual(
    clients.map((client) => client.all('publish').length),
    [3, 3, 2],
  );
  for (const client of clients) client.send(acknowledgementBytes('puback', client.all('publish')[0].packetId));
  await turns();
  assert.deepEqual(
    clients.map((client) => client.all('publish').length),
    [4, 4, 3],
  );
});

test('a client with more open PUBLISH than session.receiveMaximum, which CONNACK names, gets 0x93', async () => {
  await using house = await MemoryHouse.open({ session: { receiveMaximum: 2 } });
  const client = await house.connect(5);
  assert.equal(client.all('connack')[0].properties.receiveMaximum, 2);
  for (let packetId = 1; packetId <= 2; packetId += 1) client.send(publishBytes(5, { topic: 't', qos: 2, packetId }));
  client.send(publishBytes(5, { topic: 't', qos: 2, packetId: 2, dup: true }));
  await client.alive();
  client.send(publishBytes(5, { topic: 't', qos: 2, packetId: 3 }));
  await client.refused(0x93);
});

for (const version of all) {
  test(`more than session.awaitingPubrelMax QoS 2 messages without PUBREL get 0x93 (version ${version})`, async () => {
    await using house = await MemoryHouse.open({ session: { awaitingPubrelMax: 2 } });
    const client = await house.connect(version);
    if (version === 5) assert.equal(client.all('connack')[0].properties.receiveMaximum, 2);
    for (let packetId = 1; packetId <= 2; packetId += 1) client.send(publishBytes(version, { topic: 't', qos: 2, packetId }));
    client.send(acknowledgementBytes('pubrel', 1));
    client.send(publishBytes(version, { topic: 't', qos: 2, packetId: 3 }));
    await client.alive();
    client.send(publishBytes(version, { topic: 't', qos: 2, packetId: 4 }));
    await client.refused(0x93);
    assert.equal(house.counters.refused.quota, 1);
  });
}

test('a topic alias over mqtt.topicAliasMaximum, which CONNACK names, gets 0x94', async () => {
  await using house = await MemoryHouse.open({ mqtt: { topicAliasMaximum: 3 } });
  const client = await house.connect(5);
  assert.equal(client.all('connack')[0].properties.topicAliasMaximum, 3);
  client.send(publishBytes(5, { topic: 't', properties: { topicAlias: 3 } }));
  await client.alive();
  client.send(publishBytes(5, { topic: 't', properties: { topicAlias: 4 } }));
  await client.refused(0x94);
});

test('new clients are refused with the code of an overload, and those who are here stay', async () => {
  await using house = await MemoryHouse.open();
  const early = await house.connect();
  for (const [refusal, returnCode] of [
    [0x89, 3],
    [0x88, 3],
    [0x9c, 3],
  ] as const) {
    house.refusal = refusal;
    const client = house.client(5);
    client.send(connectBytes(5, { clientId: 'late' }));
    await client.refused(refusal);
    const old = house.client(4);
    old.send(connectBytes(4, { clientId: 'late' }));
    await old.refused(returnCode);
  }
  house.refusal = 0;
  await early.alive();
  await house.connect(5, { clientId: 'late' });
});
