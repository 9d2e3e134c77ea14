import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, publishBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { passwordHash } from './credentials.ts';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Section 3.1.4: who is let in, and what one who is in may do.

const ours = deviation({ mosquitto: 'is configured by files' });
const all: readonly ProtocolVersion[] = [3, 4, 5];
const house = useBroker({
  wrenmq: {
    authentication: {
      anonymous: 'never',
      users: { alice: { passwordHash: passwordHash('secret') }, bob: { passwordHash: passwordHash('other') } },
    },
    authorization: {
      rules: [
        { permission: 'allow', action: 'all', topics: ['%u/#'] },
        { permission: 'allow', action: 'subscribe', topics: ['open/#'] },
      ],
    },
  },
  mosquitto: ['allow_anonymous false'],
});
const alice = { userName: 'alice', password: 'secret' };
const bob = { userName: 'bob', password: 'other' };

testVersions(
  all,
  '[MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5] a wrong user name or password is refused and the connection closed',
  ours,
  async (_t, version) => {
    for (const credentials of [
      { userName: 'alice', password: 'wrong' },
      { userName: 'nobody', password: 'secret' },
      { userName: 'alice' },
      { userName: 'alice', password: '' },
    ]) {
      const answer = await house.exchange(connectBytes(version, { clientId: unique('auth'), ...credentials }));
      assert.equal(answer[0], 0x20);
      assert.equal(answer[2], 0);
      assert.ok((version === 5 ? [0x86, 0x87] : [4, 5]).includes(answer[3]), answer.toString('hex'));
    }
  },
);

testVersions(all, '[MQTT-3.1.4-2] a client without credentials is refused where they are needed', {}, async (_t, version) => {
  const answer = await house.exchange(connectBytes(version, { clientId: unique('auth') }));
  assert.equal(answer[0], 0x20);
  assert.ok((version === 5 ? [0x86, 0x87] : [4, 5]).includes(answer[3]), answer.toString('hex'));
});

testVersions(
  all,
  '[MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT311-3.1.2-19] [MQTT311-3.1.2-21] a right user name and password are accepted',
  ours,
  async (t, version) => {
    const client = await house.client(t, version, alice);
    await client.expectNothing();
  },
);

testVersions(all, '[MQTT-3.1.4-6] [MQTT311-3.1.4-5] what a refused client sent along is not processed', ours, async (t, version) => {
  const watcher = await house.client(t, version, alice);
  const topic = `alice/${unique('x')}`;
  await watcher.subscribe({ filter: topic, qos: 1 });
  const connect = connectBytes(version, { clientId: unique('auth'), userName: 'alice', password: 'wrong' });
  await house.exchange(Buffer.concat([connect, publishBytes(version, { topic, payload: 'x' })]));
  await watcher.expectNothing();
});

testVersions(
  all,
  '[MQTT311-3.3.5-2] a PUBLISH that is not authorized is refused with 0x87, or acknowledged as usual before MQTT 5, and reaches nobody',
  ours,
  async (t, version) => {
    const topic = `bob/${unique('x')}`;
    const watcher = await house.client(t, version, bob);
    await watcher.subscribe({ filter: topic, qos: 2 });
    const client = await house.client(t, version, alice);
    for (const qos of [1, 2] as const) assert.equal(await client.publish({ topic, payload: 'x', qos }), version === 5 ? 0x87 : 0);
    await client.publish({ topic, payload: 'x', qos: 0 });
    await client.expectNothing();
    await watcher.expectNothing();
  },
);

testVersions(all, 'a SUBSCRIBE that is not authorized is refused with 0x87, filter by filter', ours, async (t, version) => {
  const client = await house.client(t, version, alice);
  const refused = version === 5 ? 0x87 : 0x80;
  const codes = await client.subscribe(
    ['bob/x', 'alice/#', '#', 'open/x', '+/x', '$share/g/bob/x', '$share/g/alice/x'].map((filter) => ({ filter, qos: 1 as const })),
  );
  assert.deepEqual(codes, [refused, 1, refused, 1, refused, refused, 1]);
});

test('a topic alias does not help around authorization', ours, async (t) => {
  const client = await house.client(t, 5, alice);
  assert.equal(await client.publish({ topic: 'bob/x', qos: 1, properties: { topicAlias: 1 } }), 0x87);
  assert.equal(await client.publish({ topic: '', qos: 1, properties: { topicAlias: 1 } }), 0x87);
});

testVersions(all, 'a will for a topic that is not authorized is refused or not published', ours, async (t, version) => {
  const topic = `bob/${unique('will')}`;
  const watcher = await house.client(t, version, bob);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.open(t, version);
  client.send(connectBytes(version, { clientId: unique('auth'), ...alice, will: { topic, payload: 'x' } }));
  const connack = await client.expect('connack');
  if (connack.reasonCode !== 0) {
    assert.equal(connack.reasonCode, version === 5 ? 0x87 : 5);
    await client.expectClose();
  } else await client.cut();
  await watcher.expectNothing();
});

testVersions(all, 'the session of another user cannot be taken over', ours, async (t, version) => {
  const clientId = unique('owned');
  const first = await house.client(t, version, { ...alice, clientId, clean: false });
  const answer = await house.exchange(connectBytes(version, { ...bob, clientId, clean: false }));
  assert.equal(answer[0], 0x20);
  assert.notEqual(answer[3], 0, answer.toString('hex'));
  await first.expectNothing();
});

test('a client that connects with the wrong password does not disturb the one that is connected', ours, async (t) => {
  const clientId = unique('safe');
  const first = await house.client(t, 5, { ...alice, clientId });
  await house.exchange(connectBytes(5, { userName: 'alice', password: 'wrong', clientId }));
  await first.expectNothing();
  const second = await house.client(t, 5, { ...alice, clientId });
  await expectRefusal(first, 0x8e);
  await second.expectNothing();
});
