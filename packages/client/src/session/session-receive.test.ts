import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType, ReasonCode } from '@wrenmq/codec';
import type { PublishPacket, PublishProperties, QoS } from '@wrenmq/codec';
import { TestSession } from './test-session.ts';

const { PUBREL } = PacketType;

function publish(topic: string, qos: QoS, packetId = 0, options: { dup?: boolean; properties?: PublishProperties } = {}): PublishPacket {
  const { dup = false, properties = {} } = options;
  return { type: PacketType.PUBLISH, topic, payload: new Uint8Array([packetId]), qos, retain: false, dup, packetId, properties };
}

for (const version of [4, 5] as const) {
  test(`MQTT ${version}: acknowledgements leave in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT311-4.6.0-2] [MQTT311-4.6.0-3]`, () => {
    const session = new TestSession({ version }).connect();
    session.receive(publish('a', 1, 7), publish('a', 0), publish('a', 2, 5), publish('a', 1, 6));
    const [first, zero, second, third] = session.deliveries;
    session.session.acknowledge(third, 0);
    session.session.acknowledge(zero, 0);
    session.session.acknowledge(second, 0);
    assert.deepEqual(session.sent(), []);
    session.session.acknowledge(first, 0);
    session.session.acknowledge(first, 0);
    assert.deepEqual(session.sent(), ['PUBACK 7', 'PUBREC 5', 'PUBACK 6']);
  });

  test(`MQTT ${version}: a QoS 2 message is delivered once until its PUBREL, then its identifier is new [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12]`, () => {
    const session = new TestSession({ version }).connect();
    session.receive(publish('a', 2, 1), publish('a', 2, 1, { dup: true }));
    session.session.acknowledge(session.deliveries[0], 0);
    assert.deepEqual(session.sent(), ['PUBREC 1']);
    session.receive(publish('a', 2, 1, { dup: true }));
    assert.deepEqual(session.sent(), ['PUBREC 1']);
    session.receive({ type: PUBREL, packetId: 1, reasonCode: 0 });
    assert.deepEqual(session.sent(), ['PUBCOMP 1']);
    assert.equal(session.deliveries.length, 1);
    session.receive(publish('a', 2, 1));
    assert.equal(session.deliveries.length, 2);
  });

  test(`MQTT ${version}: PUBREL of an unknown identifier is answered with PUBCOMP`, () => {
    const session = new TestSession({ version }).connect().receive({ type: PUBREL, packetId: 3, reasonCode: 0 });
    assert.deepEqual(session.sent(), [version === 5 ? 'PUBCOMP 3 0x92' : 'PUBCOMP 3']);
  });

  test(`MQTT ${version}: late acknowledgements are void at QoS 1; at QoS 2 they count for the message that comes again`, () => {
    const session = new TestSession({ version }).connect();
    session.receive(publish('a', 1, 1), publish('a', 2, 2));
    session.reconnect();
    session.receive(publish('a', 1, 1, { dup: true }), publish('a', 2, 2, { dup: true }));
    assert.equal(session.deliveries.length, 3);
    const [lateOne, two, one] = session.deliveries;
    session.session.acknowledge(lateOne, 0);
    session.session.acknowledge(two, 0);
    assert.deepEqual(session.sent(), []);
    session.session.acknowledge(one, 0);
    assert.deepEqual(session.sent(), ['PUBACK 1', 'PUBREC 2']);
    assert.equal(one.dup, true);
  });

  test(`MQTT ${version}: a QoS 2 message that was acknowledged without a connection gets its PUBREC when it comes again`, () => {
    const session = new TestSession({ version }).connect().receive(publish('a', 2, 2));
    session.session.closed();
    session.session.acknowledge(session.deliveries[0], 0);
    session.connect({}, true).receive(publish('a', 2, 2, { dup: true }));
    assert.deepEqual(session.sent(), ['PUBREC 2']);
    assert.equal(session.deliveries.length, 1);
  });

  test(`MQTT ${version}: with the session its packet identifiers are forgotten`, () => {
    const session = new TestSession({ version }).connect().receive(publish('a', 2, 2));
    session.reconnect({}, false).receive(publish('b', 2, 2));
    assert.equal(session.deliveries.length, 2);
    session.session.acknowledge(session.deliveries[0], 0);
    assert.deepEqual(session.sent(), []);
    session.session.acknowledge(session.deliveries[1], 0);
    assert.deepEqual(session.sent(), ['PUBREC 2']);
  });
}

test('a refusal is a PUBACK or PUBREC with its reason code, and frees the identifier; a code they cannot carry becomes 0x80', () => {
  const session = new TestSession().connect();
  session.receive(publish('a', 1, 1), publish('a', 2, 2), publish('a', 1, 3));
  for (const [index, code] of [ReasonCode.QuotaExceeded, 0x83, 0x8e].entries())
    session.session.acknowledge(session.deliveries[index], code);
  assert.deepEqual(session.sent(), ['PUBACK 1 0x97', 'PUBREC 2 0x83', 'PUBACK 3 0x80']);
  session.receive(publish('b', 2, 2));
  assert.equal(session.deliveries.length, 4);
});

test('MQTT 3.1.1 cannot refuse: the message stays unacknowledged, those after it are not held up, and it comes again', () => {
  const session = new TestSession({ version: 4 }).connect();
  session.receive(publish('a', 1, 1), publish('a', 2, 2), publish('a', 1, 3));
  for (const [index, code] of [0x80, 0x80, 0].entries()) session.session.acknowledge(session.deliveries[index], code);
  assert.deepEqual(session.sent(), ['PUBACK 3']);
  session.reconnect().receive(publish('a', 1, 1, { dup: true }), publish('a', 2, 2, { dup: true }));
  assert.equal(session.deliveries.length, 5);
});

test('more open messages than our Receive Maximum end the connection with 0x93 [MQTT-3.3.4-9]', () => {
  const session = new TestSession({ receiveMaximum: 2 }).connect();
  session.receive(publish('a', 1, 1), publish('a', 2, 2));
  session.session.acknowledge(session.deliveries[0], 0);
  session.session.acknowledge(session.deliveries[1], 0);
  session.receive(publish('a', 1, 1));
  assert.deepEqual(session.news, ['connected false']);
  session.output();
  // PUBREC keeps its place until PUBCOMP.
  session.receive(publish('a', 1, 3));
  assert.deepEqual(session.sent(), ['DISCONNECT 0x93']);
  assert.equal(session.error?.reasonCode, 0x93);
  const roomy = new TestSession({ receiveMaximum: 1 }).connect();
  roomy.autoAcknowledge = 0;
  roomy.receive(publish('a', 2, 1), { type: PUBREL, packetId: 1, reasonCode: 0 }, publish('a', 2, 2), publish('a', 1, 3));
  assert.equal(roomy.error?.reasonCode, 0x93);
});

test('topic aliases of the broker hold for one connection [MQTT-3.3.2-7] [MQTT-3.3.2-10]', () => {
  const session = new TestSession().connect();
  const aliased = (topic: string, topicAlias: number): PublishPacket => publish(topic, 0, 0, { properties: { topicAlias } });
  session.receive(aliased('a/b', 1), aliased('', 1), aliased('c', 1), aliased('', 1), aliased('d', 32));
  assert.deepEqual(
    session.deliveries.map((delivery) => delivery.topic),
    ['a/b', 'a/b', 'c', 'c', 'd'],
  );
  session.reconnect().receive(aliased('', 1));
  assert.equal(session.error?.reasonCode, ReasonCode.ProtocolError);
  session.reconnect().receive(aliased('x', 33));
  assert.equal(session.error.reasonCode, ReasonCode.TopicAliasInvalid);
});

test('a delivery carries what the broker sent, properties when they are asked for', () => {
  const session = new TestSession().connect();
  const properties = { contentType: 'x', subscriptionIdentifiers: [3, 200], correlationData: new Uint8Array([9]) };
  session.receive(
    publish('a', 1, 8, { properties }),
    publish('b', 0),
    publish('c', 0, 0, { properties: { subscriptionIdentifiers: [300] } }),
  );
  const [full, bare, identified] = session.deliveries;
  assert.deepEqual(full.properties, properties);
  assert.deepEqual(full.subscriptionIdentifiers, [3, 200]);
  assert.deepEqual(full.payload, new Uint8Array([8]));
  assert.equal(bare.properties, undefined);
  assert.deepEqual(bare.subscriptionIdentifiers, []);
  assert.deepEqual(identified.subscriptionIdentifiers, [300]);
});

test('a topic name with wildcards ends the connection [MQTT-3.3.2-2]', () => {
  const session = new TestSession().connect();
  const bytes = new Uint8Array([0x30, 5, 0, 2, 0x61, 0x23, 0]);
  session.session.receive(bytes, session.now);
  assert.deepEqual(session.sent(), ['DISCONNECT 0x90']);
  assert.equal(session.error?.code, 'PROTOCOL');
});

test('a receiver may disconnect from within a delivery: nothing after it is read', () => {
  const session = new TestSession().connect();
  session.onDelivery = (delivery) => {
    session.deliveries.push(delivery);
    session.session.disconnect(0, undefined);
  };
  session.receive(publish('a', 0), publish('b', 0));
  assert.equal(session.deliveries.length, 1);
  assert.deepEqual(session.sent(), ['DISCONNECT']);
});

test('packets may be cut at every byte', () => {
  const session = new TestSession().connect();
  const packets: readonly PublishPacket[] = [publish('a', 1, 1), publish('ä/long', 2, 2), publish('b', 0)];
  for (const packet of packets) session.receiveCut(packet);
  assert.deepEqual(
    session.deliveries.map((delivery) => `${delivery.topic} ${delivery.payload[0]}`),
    ['a 1', 'ä/long 2', 'b 0'],
  );
});
