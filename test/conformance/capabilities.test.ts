import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, disconnectBytes, publishBytes, subscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Section 3.2: what CONNACK announces, and what holds when the configuration offers less than everything.

const all: readonly ProtocolVersion[] = [3, 4, 5];
const full = useBroker();
const qos1 = useBroker({ wrenmq: { mqtt: { maximumQoS: 1 } }, mosquitto: ['max_qos 1'] });
const qos0 = useBroker({ wrenmq: { mqtt: { maximumQoS: 0 } }, mosquitto: ['max_qos 0'] });
const noRetain = useBroker({ wrenmq: { mqtt: { retainAvailable: false } }, mosquitto: ['retain_available false'] });
const plain = useBroker({
  wrenmq: {
    mqtt: {
      wildcardSubscriptionAvailable: false,
      subscriptionIdentifierAvailable: false,
      sharedSubscriptionAvailable: false,
      topicAliasMaximum: 0,
    },
  },
});
const informed = useBroker({ wrenmq: { mqtt: { responseInformation: 'answers/' } } });
const shortLived = useBroker({ wrenmq: { session: { expiryMax: '10s', receiveMaximum: 7 } } });
const ours = deviation({ mosquitto: 'cannot be configured so' });

test('[MQTT-3.1.4-5] [MQTT-3.2.2-8] a CONNACK of a broker with every capability leaves their properties out', {}, async (t) => {
  const client = await full.open(t);
  const { reasonCode, properties } = await client.connect({ clientId: unique('full') });
  assert.equal(reasonCode, 0);
  for (const name of [
    'maximumQoS',
    'retainAvailable',
    'wildcardSubscriptionAvailable',
    'subscriptionIdentifierAvailable',
    'sharedSubscriptionAvailable',
  ] as const) {
    assert.ok(properties[name] === undefined || (properties[name] === 1 && name !== 'maximumQoS'), name);
  }
  assert.notEqual(properties.receiveMaximum, 0);
  assert.notEqual(properties.maximumPacketSize, 0);
});

testVersions([3, 4], '[MQTT-3.2.2-1] CONNACK before MQTT 5 has four bytes', {}, async (t, version) => {
  const client = await full.open(t, version);
  assert.deepEqual((await client.connect({ clientId: unique('four') })).raw, Buffer.from('20020000', 'hex'));
});

test('[MQTT-3.2.2-9] a broker without QoS 2 announces its Maximum QoS', {}, async (t) => {
  for (const [house, maximum] of [
    [qos1, 1],
    [qos0, 0],
  ] as const) {
    const client = await house.open(t);
    assert.equal((await client.connect({ clientId: unique('max') })).properties.maximumQoS, maximum);
  }
});

testVersions(all, '[MQTT-3.2.2-10] a broker without QoS 2 accepts subscriptions of any QoS', {}, async (t, version) => {
  const client = await qos1.client(t, version);
  const codes = await client.subscribe([0, 1, 2].map((qos) => ({ filter: unique('any'), qos: qos as 0 })));
  assert.deepEqual(codes, [0, 1, 1]);
});

testVersions(all, '[MQTT-3.2.2-11] a PUBLISH above the Maximum QoS is refused with 0x9B', {}, async (t, version) => {
  const client = await qos0.client(t, version);
  client.send(publishBytes(version, { topic: unique('high'), qos: 1, packetId: 1 }));
  await expectRefusal(client, 0x9b);
});

test('[MQTT-3.2.2-12] a Will QoS above the Maximum QoS is refused with 0x9B', {}, async () => {
  const answer = await qos1.exchange(connectBytes(5, { clientId: unique('will'), will: { topic: 'a', qos: 2 } }));
  assert.deepEqual([...answer.subarray(0, 1), ...answer.subarray(2, 4)], [0x20, 0, 0x9b]);
});

test('[MQTT-3.2.2-13] [MQTT-3.2.2-6] [MQTT-3.2.2-7] a retained will is refused with 0x9A where retain is not available', {}, async () => {
  const answer = await noRetain.exchange(connectBytes(5, { clientId: unique('will'), will: { topic: 'a', retain: true } }));
  assert.deepEqual([...answer.subarray(0, 1), ...answer.subarray(2, 4)], [0x20, 0, 0x9a]);
});

testVersions(all, '[MQTT-3.2.2-14] a retained PUBLISH is refused with 0x9A where retain is not available', {}, async (t, version) => {
  const client = await noRetain.open(t, version);
  const { properties } = await client.connect({ clientId: unique('retain') });
  assert.equal(properties.retainAvailable, version === 5 ? 0 : undefined);
  client.send(publishBytes(version, { topic: unique('retain'), payload: 'x', retain: true }));
  await expectRefusal(client, 0x9a);
});

testVersions(all, '[MQTT311-3.8.3-2] wildcards are refused where they are not available', ours, async (t, version) => {
  const client = await plain.open(t, version);
  const { properties } = await client.connect({ clientId: unique('plain') });
  assert.equal(properties.wildcardSubscriptionAvailable, version === 5 ? 0 : undefined);
  client.send(subscribeBytes(version, 1, [{ filter: 'a/+' }]));
  const answer = await client.next();
  if (answer.type === 'suback') assert.deepEqual(answer.reasonCodes, [version === 5 ? 0xa2 : 0x80]);
  else assert.ok(answer.type === 'disconnect' && answer.reasonCode === 0xa2, answer.type);
});

testVersions(all, 'shared subscriptions are refused where they are not available', ours, async (t, version) => {
  const client = await plain.open(t, version);
  const { properties } = await client.connect({ clientId: unique('plain') });
  assert.equal(properties.sharedSubscriptionAvailable, version === 5 ? 0 : undefined);
  client.send(subscribeBytes(version, 1, [{ filter: '$share/g/a' }]));
  const answer = await client.next();
  if (answer.type === 'suback') assert.deepEqual(answer.reasonCodes, [version === 5 ? 0x9e : 0x80]);
  else assert.ok(answer.type === 'disconnect' && answer.reasonCode === 0x9e, answer.type);
});

test('subscription identifiers are refused where they are not available', ours, async (t) => {
  const client = await plain.open(t);
  const { properties } = await client.connect({ clientId: unique('plain') });
  assert.equal(properties.subscriptionIdentifierAvailable, 0);
  client.send(subscribeBytes(5, 1, [{ filter: 'a' }], { subscriptionIdentifiers: [1] }));
  const answer = await client.next();
  if (answer.type === 'suback') assert.deepEqual(answer.reasonCodes, [0xa1]);
  else assert.ok(answer.type === 'disconnect' && answer.reasonCode === 0xa1, answer.type);
});

test('[MQTT-3.2.2-18] a Topic Alias is refused with 0x94 where there are none', ours, async (t) => {
  const client = await plain.open(t);
  const { properties } = await client.connect({ clientId: unique('plain') });
  assert.ok(properties.topicAliasMaximum === undefined || properties.topicAliasMaximum === 0);
  client.send(publishBytes(5, { topic: 'a', properties: { topicAlias: 1 } }));
  await expectRefusal(client, 0x94);
});

test('Response Information is returned to a client that asks for it, as it is configured', ours, async (t) => {
  const asking = await informed.open(t);
  const { properties } = await asking.connect({ clientId: unique('info'), properties: { requestResponseInformation: 1 } });
  assert.equal(properties.responseInformation, 'answers/');
  const silent = await informed.open(t);
  assert.equal((await silent.connect({ clientId: unique('info') })).properties.responseInformation, undefined);
});

test('a Session Expiry Interval above the maximum is shortened, and CONNACK says so', ours, async (t) => {
  const clientId = unique('short');
  const client = await shortLived.open(t);
  const { properties } = await client.connect({ clientId, clean: false, properties: { sessionExpiryInterval: 3600 } });
  assert.equal(properties.sessionExpiryInterval, 10);
  assert.equal(properties.receiveMaximum, 7);
  client.send(disconnectBytes());
  await client.expectClose();
  await shortLived.passTime(11_000);
  const again = await shortLived.open(t);
  assert.equal((await again.connect({ clientId, clean: false })).sessionPresent, false);
});
