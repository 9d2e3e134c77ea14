import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType, encodePacket } from '@wrenmq/codec';
import type { Packet, PublishPacket } from '@wrenmq/codec';
import { TestSession } from './test-session.ts';

const { PUBACK, PUBREC, PUBCOMP } = PacketType;

function publishes(packets: readonly Packet[]): PublishPacket[] {
  return packets.filter((packet) => packet.type === PacketType.PUBLISH);
}

for (const version of [4, 5] as const) {
  test(`MQTT ${version}: PUBLISH has the very bytes that the codec's encoder makes`, () => {
    for (const qos of [0, 1, 2] as const) {
      for (const size of [0, 3, 64, 65, 127, 128, 20_000]) {
        const session = new TestSession({ version }).connect();
        const payload = new Uint8Array(size).fill(size);
        const properties = { contentType: 'text', userProperties: [['a', 'ä']] as [string, string][] };
        session.publish('ä/b', qos, { payload, retain: true, properties });
        const packet = { topic: 'ä/b', payload, qos, retain: true, dup: false, packetId: qos === 0 ? 0 : 1, properties };
        assert.deepEqual(session.session.takeOutput(), encodePacket({ type: PacketType.PUBLISH, ...packet }, version));
      }
    }
  });

  test(`MQTT ${version}: QoS 1 and 2 run to their end, and packet identifiers are used again [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-4.3.3-4] [MQTT-4.3.3-5]`, () => {
    const session = new TestSession({ version }).connect();
    const once = session.publish('a', 1);
    const exactlyOnce = session.publish('a', 2);
    assert.deepEqual(session.sent(), ['PUBLISH 1 a q1', 'PUBLISH 2 a q2']);
    session.receive({ type: PUBREC, packetId: 2, reasonCode: 0 }, { type: PUBACK, packetId: 1, reasonCode: 0 });
    assert.deepEqual(session.sent(), ['PUBREL 2']);
    session.receive({ type: PUBCOMP, packetId: 2, reasonCode: 0 });
    assert.deepEqual(once.calls, ['stored 1', 'acknowledged 0']);
    assert.deepEqual(exactlyOnce.calls, ['stored 2', 'acknowledged 0']);
    session.publish('a', 2);
    assert.deepEqual(session.sent(), ['PUBLISH 2 a q2']);
  });
}

test('QoS 0 waits for a connection, in order, and then leaves at once', () => {
  const session = new TestSession();
  const early = session.publish('a', 0);
  session.publish('b', 0);
  assert.equal(session.session.queued, 2);
  session.connect();
  const late = session.publish('c', 0);
  assert.deepEqual(session.sent(), ['PUBLISH 0 a q0', 'PUBLISH 0 b q0', 'PUBLISH 0 c q0']);
  assert.deepEqual([early.calls, late.calls], [['acknowledged 0'], ['acknowledged 0']]);
  assert.equal(session.session.queued, 0);
  assert.equal(session.session.queuedBytes, 0);
});

test('fault A: the quota is min(Receive Maximum, maxInflight), and QoS 0 is free of it [MQTT-3.3.4-7] [MQTT-4.9.0-1] [MQTT-4.9.0-2]', () => {
  const session = new TestSession({ maxInflight: 5 }).connect({ receiveMaximum: 3 });
  for (let count = 0; count < 21; count++) session.publish('a', count % 2 === 0 ? 1 : 2);
  session.publish('zero', 0);
  assert.equal(session.sent().length, 4);
  session.receive({ type: PUBREC, packetId: 2, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBREL 2']);
  session.receive({ type: PUBCOMP, packetId: 2, reasonCode: 0 });
  assert.equal(session.sent().length, 1);
  session.reconnect({ receiveMaximum: 9 });
  assert.equal(session.sent().length, 5);
});

test('in MQTT 3.1.1, where a broker cannot say how many it takes, 20 messages are under way unless the user says otherwise', () => {
  for (const [maxInflight, expected] of [
    [undefined, 20],
    [50, 50],
  ] as const) {
    const session = new TestSession({ version: 4, maxInflight }).connect();
    for (let count = 0; count < 60; count++) session.publish('a', 2);
    assert.equal(session.sent().length, expected);
  }
});

test('PUBREC with a failure makes room; the message is refused [MQTT-4.9.0-2] [MQTT-4.3.3-4]', () => {
  const session = new TestSession().connect({ receiveMaximum: 1 });
  const message = session.publish('a', 2);
  session.publish('b', 1);
  session.output();
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0x97, properties: { reasonString: 'enough' } });
  assert.deepEqual(message.calls, ['stored 1', 'failed REFUSED']);
  assert.equal(message.error?.reasonCode, 0x97);
  assert.equal(message.error.message, 'enough (QuotaExceeded)');
  assert.equal(message.error.retryable, true);
  assert.deepEqual(session.sent(), ['PUBLISH 1 b q1']);
});

test('what PUBACK says is passed on, a failure as an error', () => {
  const session = new TestSession().connect();
  const quiet = session.publish('a', 1);
  const refused = session.publish('a', 1);
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0x10 }, { type: PUBACK, packetId: 2, reasonCode: 0x87 });
  assert.deepEqual(quiet.calls, ['stored 1', 'acknowledged 16']);
  assert.deepEqual(refused.calls, ['stored 2', 'failed REFUSED']);
  assert.equal(refused.error?.reasonCode, 0x87);
});

test('acknowledgements of nothing are harmless: PUBREC of an unknown identifier is answered with PUBREL', () => {
  for (const version of [4, 5] as const) {
    const session = new TestSession({ version }).connect();
    session.publish('a', 2);
    session.output();
    session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 }, { type: PUBCOMP, packetId: 1, reasonCode: 0 });
    session.receive({ type: PUBACK, packetId: 9, reasonCode: 0 }, { type: PUBREC, packetId: 9, reasonCode: 0 });
    assert.deepEqual(session.sent(), [version === 5 ? 'PUBREL 9 0x92' : 'PUBREL 9']);
    assert.equal(session.session.inflight, 1);
  }
});

test('fault A: a message above Maximum Packet Size fails, the rest goes on [MQTT-3.2.2-15]', () => {
  const session = new TestSession();
  const large = session.publish('a', 1, { payload: new Uint8Array(500) });
  const exact = session.publish('a', 1, { payload: new Uint8Array(100 - 8) });
  const tooLarge = session.publish('a', 1, { payload: new Uint8Array(100 - 7) });
  session.connect({ maximumPacketSize: 100 });
  const largeZero = session.publish('a', 0, { payload: new Uint8Array(500) });
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q1']);
  for (const message of [large, tooLarge, largeZero]) assert.equal(message.error?.code, 'TOO_LARGE');
  assert.equal(exact.error, undefined);
});

test('a message in flight that the next connection cannot carry fails', () => {
  const session = new TestSession().connect();
  const message = session.publish('a', 1, { payload: new Uint8Array(500) });
  session.publish('b', 1);
  session.reconnect({ maximumPacketSize: 100 });
  assert.deepEqual(message.calls, ['stored 1', 'failed TOO_LARGE']);
  assert.deepEqual(session.sent(), ['PUBLISH 2 b q1 dup']);
  assert.equal(session.session.inflight, 1);
});

test('Maximum QoS and Retain Available are obeyed by failing [MQTT-3.2.2-11] [MQTT-3.2.2-14]', () => {
  const session = new TestSession().connect({ maximumQoS: 1, retainAvailable: false });
  const messages = [session.publish('a', 2), session.publish('a', 1, { retain: true }), session.publish('a', 0, { retain: true })];
  for (const message of messages) assert.equal(message.error?.code, 'NOT_SUPPORTED');
  const ones = session.publish('a', 1);
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q1']);
  assert.equal(ones.error, undefined);
});

test('a name with wildcards, an empty one and properties that cannot travel are refused at once', () => {
  const session = new TestSession();
  for (const topic of ['', 'a/+', '#', 'a\ud800', 'x'.repeat(70_000)]) {
    assert.equal(session.publish(topic, 1).error?.code, 'INVALID', topic.slice(0, 10));
  }
  assert.equal(session.publish('a', 0, { properties: { responseTopic: 'a/#' } }).error?.code, 'INVALID');
  assert.equal(session.session.queued, 0);
});

test('what is left of the expiry goes out as seconds, never 0; a due message fails without being sent', () => {
  const session = new TestSession().connect({ receiveMaximum: 1 });
  const { now } = session;
  session.publish('a', 1, { expiresAt: now + 9_500, properties: { payloadFormatIndicator: 1 } });
  const due = session.publish('b', 1, { expiresAt: now + 3_000 });
  session.publish('c', 1, { expiresAt: now + 60_000 });
  assert.deepEqual(publishes(session.output())[0].properties, { payloadFormatIndicator: 1, messageExpiryInterval: 10 });
  session.now += 3_000;
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(due.calls, ['stored 2', 'failed EXPIRED']);
  assert.equal(publishes(session.output())[0].properties?.messageExpiryInterval, 57);
  session.now += 100_000;
  session.reconnect({ receiveMaximum: 1 });
  assert.equal(publishes(session.output())[0].properties?.messageExpiryInterval, 1);
});

test('expired messages leave the queue by the clock, at most one search a second', () => {
  const session = new TestSession();
  const { now } = session;
  const soon = session.publish('a', 1, { expiresAt: now + 500 });
  const zero = session.publish('a', 0, { expiresAt: now + 700 });
  const later = session.publish('a', 1, { expiresAt: now + 5_000 });
  assert.equal(session.session.nextTick, now + 500);
  session.session.tick(now + 500);
  assert.deepEqual(soon.calls, ['stored 1', 'failed EXPIRED']);
  assert.equal(session.session.nextTick, now + 700);
  session.session.tick(now + 700);
  assert.deepEqual(zero.calls, ['failed EXPIRED']);
  assert.equal(session.session.nextTick, now + 5_000);
  const early = session.publish('a', 1, { expiresAt: now + 900 });
  assert.equal(session.session.nextTick, now + 1_500);
  session.session.tick(now + 1_500);
  assert.equal(early.error?.code, 'EXPIRED');
  session.session.tick(now + 5_000);
  assert.equal(later.error?.code, 'EXPIRED');
  assert.equal(session.session.nextTick, undefined);
  assert.equal(session.session.queued + session.session.queuedBytes, 0);
});

test('MQTT 3.1.1 has no expiry on the wire, and observes it all the same', () => {
  const session = new TestSession({ version: 4 });
  const message = session.publish('a', 1, { expiresAt: session.now + 500, properties: { contentType: 'x' } });
  session.publish('b', 1, { expiresAt: session.now + 5_000, properties: { contentType: 'x' } });
  session.now += 501;
  session.connect();
  assert.equal(message.error?.code, 'EXPIRED');
  assert.deepEqual(session.session.takeOutput(), encodePacket(packetOf('b', 1), 4));
});

function packetOf(topic: string, packetId: number): Packet {
  return { type: PacketType.PUBLISH, topic, payload: new Uint8Array(0), qos: 1, retain: false, dup: false, packetId };
}

test('cancel takes back what was not sent, and nothing else', () => {
  const session = new TestSession().connect({ receiveMaximum: 1 });
  const sent = session.publish('a', 1);
  const waiting = session.publish('b', 1);
  session.publish('c', 1);
  assert.equal(session.session.cancel(sent), false);
  assert.equal(session.session.cancel(waiting), true);
  assert.equal(session.session.cancel(waiting), false);
  assert.equal(session.session.queued, 1);
  session.output();
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 c q1']);
  assert.deepEqual(waiting.calls, ['stored 2']);
  assert.equal(session.session.cancel(session.publish('d', 0)), false);
});

test('a hundred thousand cancelled messages leave a small queue', () => {
  const session = new TestSession();
  const kept = session.publish('kept', 1);
  for (let count = 0; count < 100_000; count++) assert.ok(session.session.cancel(session.publish('a', count % 2 === 0 ? 0 : 1)));
  assert.equal(session.session.queued, 1);
  session.connect();
  assert.deepEqual(session.sent(), ['PUBLISH 1 kept q1']);
  assert.equal(kept.seq, 1);
});

test('topics that come again travel as aliases, as many as the broker takes, and never over a reconnection [MQTT-3.3.2-7] [MQTT-3.3.2-9]', () => {
  const session = new TestSession().connect({ topicAliasMaximum: 1 });
  const long = 'a/long/topic/name';
  const seen = (): [string, number | undefined][] => publishes(session.output()).map((each) => [each.topic, each.properties?.topicAlias]);
  for (let count = 0; count < 3; count++) session.publish(long, 1);
  for (let count = 0; count < 3; count++) session.publish('another/long/topic', 0);
  for (let count = 0; count < 3; count++) session.publish('short', 0);
  const plain = [undefined, undefined, undefined];
  assert.deepEqual(seen(), [
    [long, undefined],
    [long, 1],
    ['', 1],
    ...plain.map((none): [string, undefined] => ['another/long/topic', none]),
    ...plain.map((none): [string, undefined] => ['short', none]),
  ]);
  session.reconnect({ topicAliasMaximum: 1 });
  assert.deepEqual(seen(), [
    [long, undefined],
    [long, 1],
    ['', 1],
  ]);
});

test('messages can be published from within the answers to others', () => {
  const session = new TestSession().connect({ receiveMaximum: 1 });
  const first = session.publish('a', 1);
  first.onAcknowledged = () => session.publish('c', 1);
  session.publish('b', 1);
  session.output();
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 b q1', 'PUBLISH 1 c q1']);
});

test('packet identifiers for SUBSCRIBE remain however many messages are in flight', () => {
  const session = new TestSession().connect();
  for (let count = 0; count < 65_535; count++) session.publish('a', 1);
  session.output();
  session.subscribe('a');
  assert.equal(session.sent().length, 1);
  assert.equal(session.session.inflight, 64_511);
  assert.equal(session.session.queued, 1_024);
});

test('the connection may end from within the answers to messages: what is left stays for the next one', () => {
  const session = new TestSession().connect({ receiveMaximum: 1 });
  session.publish('blocker', 1);
  const large = session.publish('large', 1, { payload: new Uint8Array(500) });
  large.onFailed = () => session.session.closed();
  session.publish('b', 1);
  session.reconnect({ receiveMaximum: 1, maximumPacketSize: 100 });
  session.output();
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual([session.session.inflight, session.session.queued], [0, 1]);
  const zeros = [session.publish('x', 0), session.publish('y', 0)];
  zeros[0].onAcknowledged = () => session.session.closed();
  session.connect({}, true);
  assert.equal(session.session.queued, 2);
  session.connect({}, true);
  assert.deepEqual(session.sent(), ['PUBLISH 0 y q0', 'PUBLISH 1 b q1']);
});
