import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  acknowledgementBytes,
  disconnectBytes,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
  type ProtocolVersion,
  type WireClient,
} from '@wrenmq/testkit';
import { deviation, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Section 4.8. Shared subscriptions are part of MQTT 5; like other brokers, ours offers them to all versions.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

/** Takes what a member has got up to now. */
async function drain(member: WireClient): Promise<string[]> {
  const payloads: string[] = [];
  member.send(pingreqBytes());
  for (let packet = await member.next(); packet.type !== 'pingresp'; packet = await member.next()) {
    if (packet.type !== 'publish') continue;
    payloads.push(packet.payload.toString());
    await member.acknowledge(packet);
  }
  return payloads;
}

testVersions(all, 'each message goes to one member of a group, and every group gets it', {}, async (t, version) => {
  const topic = unique('shared');
  const groups = [unique('group'), unique('group')];
  const members: WireClient[][] = [];
  for (const group of groups) {
    const list = [await house.client(t, version), await house.client(t, version), await house.client(t, version)];
    for (const member of list) assert.deepEqual(await member.subscribe({ filter: `$share/${group}/${topic}/#`, qos: 1 }), [1]);
    members.push(list);
  }
  const plain = await house.client(t, version);
  await plain.subscribe({ filter: `${topic}/#`, qos: 1 });
  const publisher = await house.client(t, version);
  const sent = Array.from({ length: 15 }, (_, i) => `${i}`);
  for (const payload of sent) await publisher.publish({ topic: `${topic}/x`, payload, qos: 1 });
  for (const list of members) {
    const parts = await Promise.all(list.map(drain));
    assert.deepEqual(
      parts.flat().toSorted((a, b) => Number(a) - Number(b)),
      sent,
    );
    assert.ok(
      parts.every((part) => part.length > 0),
      'the members share the load',
    );
  }
  assert.deepEqual(await drain(plain), sent);
});

testVersions(all, '[MQTT-4.8.2-3] each member gets messages with at most the QoS granted to it', {}, async (t, version) => {
  const topic = unique('shared');
  const filter = `$share/${unique('group')}/${topic}`;
  const zero = await house.client(t, version);
  await zero.subscribe({ filter, qos: 0 });
  const one = await house.client(t, version);
  await one.subscribe({ filter, qos: 1 });
  const publisher = await house.client(t, version);
  for (let i = 0; i < 20; i += 1) await publisher.publish({ topic, qos: 2 });
  await drain(zero);
  await drain(one);
  for (const [member, qos] of [
    [zero, 0],
    [one, 1],
  ] as const) {
    const got = member.received.flatMap((packet) => (packet.type === 'publish' ? [packet.qos] : []));
    assert.ok(got.length > 0);
    assert.ok(got.every((each) => each === qos));
  }
});

testVersions(
  all,
  '[MQTT-4.8.2-1] [MQTT-4.8.2-2] a filter that begins with $share/ but names no group or no filter is refused',
  deviation({ mosquitto: 'takes some' }),
  async (t, version) => {
    for (const filter of ['$share/', '$share/g', '$share/g/', '$share//a', '$share/g+/a', '$share/#/a', '$share/+/a', '$share/g#/a']) {
      const client = await house.client(t, version);
      client.send(subscribeBytes(version, 1, [{ filter }]));
      const answer = await client.next().catch(() => null);
      if (answer?.type === 'suback') assert.deepEqual(answer.reasonCodes, [version === 5 ? 0x8f : 0x80], filter);
      else if (answer !== null) assert.equal(answer.type, 'disconnect', filter);
    }
  },
);

testVersions(all, 'a shared subscription gets no retained messages', deviation({ mosquitto: 'sends them' }), async (t, version) => {
  const topic = unique('shared');
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  const member = await house.client(t, version);
  await member.subscribe({ filter: `$share/${unique('group')}/${topic}`, qos: 1 });
  await member.expectNothing();
});

testVersions(
  all,
  'what a member has not acknowledged when its session ends goes to another member',
  deviation({ mosquitto: 'loses it' }),
  async (t, version) => {
    const topic = unique('shared');
    const filter = `$share/${unique('group')}/${topic}`;
    const leaving = await house.client(t, version);
    await leaving.subscribe({ filter, qos: 1 });
    const publisher = await house.client(t, version);
    for (let i = 0; i < 10; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
    for (let i = 0; i < 10; i += 1) await leaving.expect('publish');
    const staying = await house.client(t, version);
    await staying.subscribe({ filter, qos: 1 });
    await leaving.cut();
    const got = [];
    for (let i = 0; i < 10; i += 1) got.push((await staying.receive()).payload.toString());
    assert.deepEqual(got.toSorted(), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  },
);

testVersions(all, 'a member that unsubscribes gets nothing more, and the rest of its group gets all', {}, async (t, version) => {
  const topic = unique('shared');
  const filter = `$share/${unique('group')}/${topic}`;
  const [one, two] = [await house.client(t, version), await house.client(t, version)];
  await one.subscribe({ filter, qos: 1 });
  await two.subscribe({ filter, qos: 1 });
  await one.unsubscribe(filter);
  const publisher = await house.client(t, version);
  for (let i = 0; i < 10; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
  assert.equal((await drain(two)).length, 10);
  await one.expectNothing();
});

testVersions(
  all,
  'while a member is connected none waits for one that is away',
  deviation({ mosquitto: 'queues for the one that is away' }),
  async (t, version) => {
    const topic = unique('shared');
    const filter = `$share/${unique('group')}/${topic}`;
    const away = await house.client(t, version, persistent(version, { clientId: unique('away') }));
    await away.subscribe({ filter, qos: 1 });
    away.send(disconnectBytes());
    await away.expectClose();
    const here = await house.client(t, version);
    await here.subscribe({ filter, qos: 1 });
    const publisher = await house.client(t, version);
    for (let i = 0; i < 10; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
    assert.equal((await drain(here)).length, 10);
  },
);

testVersions(all, 'messages for a group whose members are all away wait for one of them', {}, async (t, version) => {
  const topic = unique('shared');
  const filter = `$share/${unique('group')}/${topic}`;
  const options = [persistent(version, { clientId: unique('away') }), persistent(version, { clientId: unique('away') })];
  for (const option of options) {
    const member = await house.client(t, version, option);
    await member.subscribe({ filter, qos: 1 });
    member.send(disconnectBytes());
    await member.expectClose();
  }
  const publisher = await house.client(t, version);
  for (let i = 0; i < 10; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
  const got: string[] = [];
  for (const option of options) {
    const member = await house.open(t, version);
    await member.connect(option);
    got.push(...(await drain(member)));
  }
  assert.deepEqual(got.toSorted(), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

testVersions([4, 5], '[MQTT-4.8.2-4] a QoS 2 delivery that broke off is completed with the same member', {}, async (t, version) => {
  const topic = unique('shared');
  const filter = `$share/${unique('group')}/${topic}`;
  const options = persistent(version, { clientId: unique('broke') });
  const first = await house.client(t, version, options);
  await first.subscribe({ filter, qos: 2 });
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, payload: 'x', qos: 2 });
  const sent = await first.expect('publish');
  first.send(acknowledgementBytes('pubrec', sent.packetId));
  await first.expect('pubrel');
  const other = await house.client(t, version);
  await other.subscribe({ filter, qos: 2 });
  await first.cut();
  await other.expectNothing();
  const back = await house.open(t, version);
  await back.connect(options);
  assert.equal((await back.expect('pubrel')).packetId, sent.packetId);
  back.send(acknowledgementBytes('pubcomp', sent.packetId));
  await back.expectNothing();
});

testVersions(
  [4, 5],
  '[MQTT-4.8.2-5] if that member ends its session instead, the QoS 2 message goes to nobody else',
  {},
  async (t, version) => {
    const topic = unique('shared');
    const filter = `$share/${unique('group')}/${topic}`;
    const leaving = await house.client(t, version);
    await leaving.subscribe({ filter, qos: 2 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: 'x', qos: 2 });
    const sent = await leaving.expect('publish');
    leaving.send(acknowledgementBytes('pubrec', sent.packetId));
    await leaving.expect('pubrel');
    const other = await house.client(t, version);
    await other.subscribe({ filter, qos: 2 });
    await leaving.cut();
    await publisher.publish({ topic, payload: 'next', qos: 1 });
    assert.equal((await other.receive()).payload.toString(), 'next');
    await other.expectNothing();
  },
);

test('[MQTT-4.8.2-6] a message that a member refuses goes to no other member', {}, async (t) => {
  const topic = unique('shared');
  const filter = `$share/${unique('group')}/${topic}`;
  const members = [await house.client(t), await house.client(t)];
  for (const member of members) await member.subscribe({ filter, qos: 2 });
  const publisher = await house.client(t);
  for (let i = 0; i < 4; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
  let refused = 0;
  for (const member of members) {
    member.send(publishBytes(5, { topic: unique('fence'), qos: 1, packetId: 1 }));
    for (let packet = await member.next(); packet.type !== 'puback'; packet = await member.next()) {
      if (packet.type !== 'publish') continue;
      member.send(acknowledgementBytes('puback', packet.packetId, 0x83));
      refused += 1;
    }
  }
  assert.equal(refused, 4);
  for (const member of members) await member.expectNothing();
});

test('a shared subscription delivers its Subscription Identifier', {}, async (t) => {
  const topic = unique('shared');
  const member = await house.client(t);
  await member.subscribe({ filter: `$share/${unique('group')}/${topic}`, qos: 1 }, { subscriptionIdentifiers: [3] });
  const publisher = await house.client(t);
  await publisher.publish({ topic, qos: 1 });
  assert.deepEqual((await member.receive()).properties.subscriptionIdentifiers, [3]);
});

test('a client that subscribes directly and in a group gets a message for each', {}, async (t) => {
  const topic = unique('shared');
  const client = await house.client(t);
  await client.subscribe({ filter: `$share/${unique('group')}/${topic}`, qos: 1 }, { subscriptionIdentifiers: [1] });
  await client.subscribe({ filter: topic, qos: 1 }, { subscriptionIdentifiers: [2] });
  const publisher = await house.client(t);
  await publisher.publish({ topic, qos: 1 });
  const identifiers = [await client.receive(), await client.receive()].flatMap(
    ({ properties }) => properties.subscriptionIdentifiers ?? [],
  );
  assert.deepEqual(new Set(identifiers), new Set([1, 2]));
});

test('a message too large for a member goes to another one', deviation({ mosquitto: 'loses it' }), async (t) => {
  const topic = unique('shared');
  const filter = `$share/${unique('group')}/${topic}`;
  const small = await house.client(t, 5, { properties: { maximumPacketSize: 100 } });
  await small.subscribe({ filter, qos: 1 });
  const large = await house.client(t);
  await large.subscribe({ filter, qos: 1 });
  const publisher = await house.client(t);
  for (let i = 0; i < 6; i += 1) await publisher.publish({ topic, payload: 'x'.repeat(200), qos: 1 });
  assert.equal((await drain(large)).length, 6);
  await small.expectNothing();
});
