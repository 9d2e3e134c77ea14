import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import type { Packet, SubscribePacket } from '@wrenmq/codec';
import { TestIntent, TestSession } from './test-session.ts';

function subscribes(packets: readonly Packet[]): SubscribePacket[] {
  return packets.filter((packet) => packet.type === PacketType.SUBSCRIBE);
}

function suback(packetId: number, ...reasonCodes: number[]): Packet {
  return { type: PacketType.SUBACK, packetId, reasonCodes };
}

/** Answers every SUBSCRIBE that has gone out. */
function grantAll(session: TestSession): SubscribePacket[] {
  const packets = subscribes(session.output());
  for (const packet of packets) session.receive(suback(packet.packetId, ...packet.filters.map((filter) => filter.qos)));
  return packets;
}

test('fault H: 1,000 filters travel in 16 packets, and again in 16 after the session was lost', () => {
  for (const version of [4, 5] as const) {
    const session = new TestSession({ version });
    const intents = Array.from({ length: 1_000 }, (_, index) => new TestIntent(`devices/${index}/+`));
    for (const intent of intents) session.session.subscribe([intent]);
    session.connect();
    const packets = grantAll(session);
    assert.equal(packets.length, 16);
    assert.ok(packets.every((packet) => packet.filters.length <= 64));
    for (const intent of intents) assert.deepEqual(intent.calls, ['granted 1']);
    for (const packet of packets) {
      assert.equal(packet.properties?.subscriptionIdentifier, version === 5 ? intentOf(intents, packet).subscriptionIdentifier : undefined);
    }
    session.reconnect();
    assert.deepEqual(session.sent(), []);
    session.reconnect({}, false);
    assert.equal(grantAll(session).length, 16);
    assert.deepEqual(intents[0].calls, ['granted 1', 'granted 1']);
  }
});

function intentOf(intents: readonly TestIntent[], packet: SubscribePacket): TestIntent {
  return intents.find((intent) => intent.subscription.filter === packet.filters[0].filter)!;
}

test('filters that can match one topic never share an identifier; a broker without identifiers gets them in one packet', () => {
  for (const subscriptionIdentifierAvailable of [true, false]) {
    const session = new TestSession();
    const filters = ['a/b', 'a/+', '#', 'b', '$share/g/a/b', 'c/#', 'c'];
    const intents = filters.map((filter) => new TestIntent(filter));
    session.session.subscribe(intents);
    session.connect({ subscriptionIdentifierAvailable });
    assert.deepEqual(
      intents.map((intent) => intent.subscriptionIdentifier),
      [1, 2, 3, 2, 4, 4, 2],
    );
    const packets = subscribes(session.output());
    assert.equal(packets.length, subscriptionIdentifierAvailable ? 4 : 1);
  }
});

test('the failure of one filter hurts only that filter: the others are subscribed again (fault D) [MQTT-3.8.4-6]', () => {
  const session = new TestSession().connect();
  const intents = [new TestIntent('a'), new TestIntent('b'), new TestIntent('c')];
  session.session.subscribe(intents);
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a,b,c']);
  session.receive(suback(1, 1, 0x87, 0));
  assert.deepEqual(
    intents.map((intent) => intent.calls),
    [['granted 1'], ['refused REFUSED 135'], ['granted 0']],
  );
  session.reconnect({}, false);
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a,c']);
});

test('what was not answered is sent again, also when the session is present', () => {
  const session = new TestSession().connect();
  const granted = session.subscribe('a');
  session.output();
  session.receive(suback(1, 1));
  const waiting = session.subscribe('b');
  session.reconnect();
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 b']);
  session.receive(suback(1, 0));
  assert.deepEqual([granted.calls, waiting.calls], [['granted 1'], ['granted 0']]);
});

test('a second subscribe to a held filter sends SUBSCRIBE, so that retained messages come again, under the same identifier (fault H)', () => {
  const session = new TestSession().connect();
  const first = session.subscribe('a', { qos: 0 });
  const second = session.subscribe('a', { qos: 2, retainHandling: 0 });
  const packets = subscribes(session.output());
  assert.deepEqual(
    packets.map((packet) => packet.filters[0].qos),
    [0, 2],
  );
  assert.equal(first.subscriptionIdentifier, second.subscriptionIdentifier);
  session.receive(suback(1, 0), suback(2, 2));
  assert.deepEqual([first.calls, second.calls], [['granted 0'], ['granted 2']]);
  session.reconnect({}, false);
  assert.deepEqual(
    grantAll(session).map((packet) => packet.filters[0].qos),
    [2],
  );
  assert.deepEqual([first.calls, second.calls], [['granted 0'], ['granted 2', 'granted 2']]);
});

test('two intents of a filter that wait for a connection are answered by one SUBACK', () => {
  const session = new TestSession();
  const intents = [session.subscribe('a'), session.subscribe('a')];
  session.connect();
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a']);
  session.receive(suback(1, 1));
  for (const intent of intents) assert.deepEqual(intent.calls, ['granted 1']);
});

test('batches are made small enough for Maximum Packet Size; a filter that is too long fails alone [MQTT-3.2.2-15]', () => {
  const session = new TestSession();
  const intents = ['a', 'b', 'c', 'd'].map((name) => new TestIntent(name.repeat(20)));
  const long = new TestIntent('x'.repeat(100));
  session.session.subscribe([...intents, long]);
  session.connect({ maximumPacketSize: 60 });
  assert.deepEqual(
    subscribes(session.output()).map((packet) => packet.filters.length),
    [2, 1, 1],
  );
  assert.deepEqual(long.calls, ['refused TOO_LARGE']);
});

test('what the broker announces that it lacks is not sent [MQTT-3.2.2-15]', () => {
  const session = new TestSession().connect({ wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false });
  const wild = session.subscribe('a/#');
  const shared = session.subscribe('$share/g/a');
  const plain = session.subscribe('a');
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a']);
  assert.deepEqual([wild.calls, shared.calls, plain.calls], [['refused NOT_SUPPORTED'], ['refused NOT_SUPPORTED'], []]);
});

test('a filter that cannot travel is refused at once, the others of its call go', () => {
  const session = new TestSession().connect();
  const intents = [new TestIntent(''), new TestIntent('$share/g/a', { noLocal: true }), new TestIntent('a')];
  session.session.subscribe(intents);
  assert.deepEqual(
    intents.map((intent) => intent.calls),
    [['refused INVALID'], ['refused INVALID'], []],
  );
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a']);
});

test('unsubscribe goes out in batches and is done when the last is answered; the identifiers are free only then', () => {
  const session = new TestSession().connect();
  const filters = Array.from({ length: 65 }, (_, index) => `a/${index}`);
  session.session.subscribe(filters.map((filter) => new TestIntent(filter)));
  grantAll(session);
  let done = 0;
  session.session.unsubscribe(filters, () => done++);
  const packets = session.output().filter((packet) => packet.type === PacketType.UNSUBSCRIBE);
  assert.deepEqual(
    packets.map((packet) => packet.filters.length),
    [64, 1],
  );
  assert.notEqual(session.subscribe('#').subscriptionIdentifier, 1);
  session.receive({ type: PacketType.UNSUBACK, packetId: packets[0].packetId, reasonCodes: Array.from({ length: 64 }, () => 0) });
  assert.equal(done, 0);
  session.receive({ type: PacketType.UNSUBACK, packetId: packets[1].packetId, reasonCodes: [0x80] });
  assert.equal(done, 1);
  session.reconnect({}, false);
  assert.deepEqual(
    subscribes(session.output()).flatMap((packet) => packet.filters.map((each) => each.filter)),
    ['#'],
  );
});

test('what was unsubscribed without a connection is unsubscribed when the session is present, and forgotten when it is lost', () => {
  for (const isPresent of [true, false]) {
    const session = new TestSession().connect();
    session.subscribe('a');
    grantAll(session);
    session.session.closed();
    let done = 0;
    session.session.unsubscribe(['a'], () => done++);
    assert.equal(done, 1);
    session.connect({}, isPresent);
    assert.deepEqual(session.sent(), isPresent ? ['UNSUBSCRIBE 1 a'] : []);
  }
});

test('an UNSUBSCRIBE whose connection breaks is done, and goes again', () => {
  const session = new TestSession().connect();
  session.subscribe('a');
  grantAll(session);
  let done = 0;
  session.session.unsubscribe(['a'], () => done++);
  session.reconnect();
  assert.equal(done, 1);
  assert.deepEqual(session.sent(), ['UNSUBSCRIBE 1 a']);
});

test('an intent that is unsubscribed before its answer is refused', () => {
  const session = new TestSession();
  const offline = session.subscribe('a');
  session.session.unsubscribe(['a'], () => {});
  assert.deepEqual(offline.calls, ['refused ABORTED']);
  session.connect();
  const sent = session.subscribe('b');
  session.session.unsubscribe(['b'], () => {});
  session.session.closed();
  assert.deepEqual(sent.calls, ['refused ABORTED']);
});

test('a filter that comes back before its UNSUBACK keeps its identifier and stays', () => {
  const session = new TestSession().connect();
  const first = session.subscribe('a');
  grantAll(session);
  session.session.unsubscribe(['a'], () => {});
  const second = session.subscribe('a');
  assert.equal(second.subscriptionIdentifier, first.subscriptionIdentifier);
  session.receive({ type: PacketType.UNSUBACK, packetId: 1, reasonCodes: [0] }, suback(2, 1));
  assert.deepEqual(second.calls, ['granted 1']);
  session.reconnect({}, false);
  assert.deepEqual(session.sent(), ['SUBSCRIBE 2 a']);
});

test('a SUBACK with another number of reason codes than filters ends the connection [MQTT-3.8.4-6]', () => {
  const session = new TestSession().connect();
  session.subscribe('a');
  session.output();
  session.receive(suback(1, 0, 0));
  assert.equal(session.error?.code, 'PROTOCOL');
});

test('SUBSCRIBE leaves before messages that waited for the connection', () => {
  const session = new TestSession();
  session.publish('x', 0);
  session.publish('y', 1);
  session.subscribe('a');
  session.connect();
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a', 'PUBLISH 0 x q0', 'PUBLISH 2 y q1']);
});
