import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import type { PublishPacket } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import { TestSession, describeStep } from './test-session.ts';

const { PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK } = PacketType;
const durable = { isDurable: true } as const;

function inbound(topic: string, packetId: number, options: Partial<PublishPacket> = {}): PublishPacket {
  return { type: PacketType.PUBLISH, topic, payload: new Uint8Array([packetId]), qos: 2, retain: false, dup: false, packetId, ...options };
}

function stored(session: TestSession, batches = 1): void {
  for (let count = 0; count < batches; count++) session.session.stored();
}

/** A new process on what reached the disk. */
function restart(log: readonly StoreOp[], settings: ConstructorParameters<typeof TestSession>[0] = durable): TestSession {
  const session = new TestSession(settings);
  for (const op of log) session.session.restore(op);
  return session;
}

test('a session that is not durable hands nothing out', () => {
  const session = new TestSession().connect();
  session.publish('a', 2);
  session.subscribe('a');
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 }, { type: PUBCOMP, packetId: 1, reasonCode: 0 }, inbound('a', 1));
  session.output();
  assert.deepEqual(session.batches, []);
});

test('QoS 2: out.put and out.sent are durable before PUBLISH leaves, out.rec before PUBREL; a whole turn is one batch', () => {
  const session = new TestSession(durable).connect();
  session.output();
  stored(session);
  const message = session.publish('a', 2);
  session.publish('a', 2);
  assert.deepEqual(session.sent(), []);
  assert.deepEqual(session.steps(), ['session new', 'put 1 q2, sent 1 1, put 2 q2, sent 2 2']);
  assert.deepEqual(message.calls, []);
  stored(session);
  assert.deepEqual(message.calls, ['stored 1']);
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q2', 'PUBLISH 2 a q2']);
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), []);
  assert.deepEqual(session.steps(), ['rec 1']);
  stored(session);
  assert.deepEqual(session.sent(), ['PUBREL 1']);
  session.receive({ type: PUBCOMP, packetId: 1, reasonCode: 0 });
  assert.deepEqual(message.calls, ['stored 1', 'acknowledged 0']);
  session.output();
  assert.deepEqual(session.steps(), ['done 1']);
});

test('QoS 1: PUBLISH leaves after out.put is durable; a later out.sent is not waited for', () => {
  const session = new TestSession({ ...durable, maxInflight: 1 }).connect();
  session.output();
  stored(session);
  session.publish('a', 1);
  session.publish('b', 1);
  assert.deepEqual(session.sent(), []);
  stored(session);
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q1']);
  session.steps();
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 b q1']);
  assert.deepEqual(session.steps(), ['done 1, sent 2 1']);
});

test('without a connection messages are stored, and onStored follows', () => {
  const session = new TestSession(durable);
  const message = session.publish('a', 1);
  const zero = session.publish('a', 0);
  session.output();
  assert.deepEqual(session.steps(), ['put 1 q1']);
  stored(session);
  assert.deepEqual([message.calls, zero.calls], [['stored 1'], []]);
});

test('PUBLISH that became durable while the connection was gone leaves on the next one, without DUP', () => {
  const session = new TestSession(durable).connect();
  session.publish('a', 2);
  session.output();
  session.session.closed();
  stored(session, 2);
  session.connect({}, true);
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q2']);
});

test('a PUBREL that waits for the disk leaves on the next connection', () => {
  const session = new TestSession(durable).connect();
  session.publish('a', 2);
  session.output();
  stored(session, 2);
  session.output();
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 });
  session.session.closed();
  session.connect({}, true);
  assert.deepEqual(session.sent(), []);
  stored(session);
  assert.deepEqual(session.sent(), ['PUBREL 1']);
});

test('in.put is durable before delivery and PUBREC, in.free before PUBCOMP', () => {
  const session = new TestSession(durable).connect();
  session.output();
  stored(session);
  session.steps();
  session.receive(inbound('a', 9));
  assert.deepEqual(session.sent(), []);
  assert.deepEqual(session.deliveries, []);
  assert.deepEqual(session.steps(), ['in.put 9']);
  stored(session);
  assert.equal(session.deliveries.length, 1);
  session.session.acknowledge(session.deliveries[0], 0);
  assert.deepEqual(session.sent(), ['PUBREC 9']);
  assert.deepEqual(session.steps(), ['in.handled 9']);
  stored(session);
  session.receive({ type: PUBREL, packetId: 9, reasonCode: 0 });
  assert.deepEqual(session.sent(), []);
  assert.deepEqual(session.steps(), ['in.free 9']);
  stored(session);
  assert.deepEqual(session.sent(), ['PUBCOMP 9']);
});

test('a refusing PUBREC waits for in.free, and those after it for their turn', () => {
  const session = new TestSession(durable).connect();
  session.output();
  session.receive(inbound('a', 1), inbound('a', 2));
  session.output();
  stored(session, 2);
  session.session.acknowledge(session.deliveries[0], 0x87);
  session.session.acknowledge(session.deliveries[1], 0);
  assert.deepEqual(session.sent(), []);
  assert.deepEqual(session.steps().at(-1), 'in.free 1, in.handled 2');
  stored(session);
  assert.deepEqual(session.sent(), ['PUBREC 1 0x87', 'PUBREC 2']);
});

test('sub.put follows SUBACK, sub.del UNSUBACK or a refusal', () => {
  const session = new TestSession(durable).connect();
  session.subscribe('a', { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 });
  session.output();
  session.steps();
  session.receive({ type: SUBACK, packetId: 1, reasonCodes: [1] });
  session.output();
  assert.deepEqual(session.steps(), ['sub.put a 30 1']);
  session.session.unsubscribe(['a'], () => {});
  session.output();
  session.receive({ type: PacketType.UNSUBACK, packetId: 1, reasonCodes: [0] });
  session.output();
  assert.deepEqual(session.steps(), ['sub.del a']);
});

test('a new process goes on where the disk ends: by seq, with DUP, under the same identifiers, and with clean start 0', () => {
  const first = new TestSession({ ...durable, maxInflight: 3 }).connect();
  const properties = { contentType: 'x', userProperties: [['k', 'v']] as [string, string][] };
  first.publish('one', 1, { payload: new Uint8Array([1]), retain: true, properties });
  first.publish('two', 2);
  first.publish('three', 2);
  first.publish('four', 1, { expiresAt: first.now + 60_000 });
  first.publish('five', 1);
  first.output();
  stored(first, 2);
  first.output();
  first.receive({ type: PUBREC, packetId: 2, reasonCode: 0 }, { type: PUBACK, packetId: 1, reasonCode: 0 });
  first.output();
  const log = first.batches.flat();
  const second = restart(log, { ...durable, maxInflight: 3 });
  second.session.open({}, second.now);
  assert.deepEqual(second.sent(), ['CONNECT resume']);
  assert.deepEqual([second.session.inflight, second.session.queued], [3, 1]);
  second.receive({ type: PacketType.CONNACK, reasonCode: 0, sessionPresent: true });
  assert.deepEqual(second.sent(), ['PUBREL 2', 'PUBLISH 3 three q2 dup', 'PUBLISH 1 four q1 dup']);
  assert.equal(second.publish('six', 1).seq, 0);
  second.output();
  stored(second);
  assert.deepEqual(second.steps(), ['put 6 q1']);
  second.receive({ type: PUBCOMP, packetId: 2, reasonCode: 0 });
  assert.deepEqual(second.sent(), ['PUBLISH 2 five q1']);
});

test('what was stored under MQTT 5 leaves under 3.1.1, and the other way round with its properties', () => {
  const payload = new Uint8Array([1, 2]);
  const properties = { contentType: 'x', correlationData: new Uint8Array([3]) };
  for (const [from, to] of [
    [5, 4],
    [4, 5],
  ] as const) {
    const first = new TestSession({ ...durable, version: from });
    first.publish('ä', 1, { payload, properties, retain: true, expiresAt: first.now + 5_000 });
    first.output();
    const second = restart(first.batches.flat(), { ...durable, version: to }).connect();
    const [packet] = second.output() as PublishPacket[];
    assert.deepEqual([packet.topic, packet.payload, packet.retain, packet.dup], ['ä', payload, true, false]);
    assert.deepEqual(packet.properties, to === 5 ? { ...properties, messageExpiryInterval: 5 } : undefined);
  }
});

test('messages that were received and not handled come again, after the first CONNACK, also when the session is lost', () => {
  const first = new TestSession(durable).connect();
  first.receive(inbound('a', 1), inbound('b', 2, { properties: { contentType: 'x', subscriptionIdentifiers: [4] } }));
  first.output();
  stored(first, 2);
  first.session.acknowledge(first.deliveries[0], 0);
  first.output();
  for (const isPresent of [true, false]) {
    const second = restart(first.batches.flat()).connect({}, isPresent);
    assert.deepEqual(
      second.deliveries.map((delivery) => `${delivery.topic} ${delivery.payload[0]} ${delivery.dup}`),
      ['b 2 true'],
    );
    assert.deepEqual(second.deliveries[0].subscriptionIdentifiers, [4]);
    second.receive(inbound('a', 1, { dup: true }), inbound('b', 2, { dup: true }));
    second.output();
    assert.equal(second.deliveries.length, 1);
    if (!isPresent) continue;
    second.session.acknowledge(second.deliveries[0], 0);
    assert.deepEqual(second.sent(), ['PUBREC 2']);
  }
});

test('PUBREL of a message that only the crash made unhandled gets its PUBCOMP when it is handled', () => {
  const log: StoreOp[] = [{ op: 'session', state: 'new' }];
  const first = new TestSession(durable).connect().receive(inbound('a', 1));
  first.output();
  log.push(...first.batches.flat());
  const second = restart(log).connect({}, true);
  second.receive({ type: PUBREL, packetId: 1, reasonCode: 0 });
  assert.deepEqual(second.sent(), []);
  second.session.acknowledge(second.deliveries[0], 0);
  second.output();
  assert.deepEqual(second.steps(), ['in.free 1']);
  stored(second);
  assert.deepEqual(second.sent(), ['PUBCOMP 1']);
});

test('granted filters are known to a new process: what it subscribes goes out under the old identifier', () => {
  const log: StoreOp[] = [
    { op: 'session', state: 'new' },
    { op: 'sub.put', filter: 'a', options: 1, id: 7 },
    { op: 'sub.put', filter: 'b', options: 1, id: 7 },
    { op: 'sub.put', filter: '#', options: 1, id: 3 },
    { op: 'sub.del', filter: 'b' },
  ];
  const session = restart(log);
  assert.equal(session.subscribe('a').subscriptionIdentifier, 7);
  assert.equal(session.subscribe('c').subscriptionIdentifier, 7);
  session.connect({}, true);
  assert.deepEqual(session.sent(), ['SUBSCRIBE 1 a,c']);
  session.session.unsubscribe(['#'], () => {});
  assert.deepEqual(session.sent(), ['UNSUBSCRIBE 2 #']);
});

test('session lost: all is decided in one batch, and a process that starts from it sends again under new identifiers', () => {
  const first = new TestSession(durable).connect();
  first.publish('one', 1);
  first.publish('two', 2);
  first.publish('three', 2);
  first.output();
  stored(first, 2);
  first.output();
  first.receive({ type: PUBREC, packetId: 2, reasonCode: 0 });
  first.output();
  stored(first);
  first.output();
  first.reconnect({}, false);
  first.output();
  const steps = first.batches.flat();
  assert.deepEqual(steps.slice(-4).map(describeStep), ['session lost', 'done 2', 'done 3', 'sent 1 3']);
  const second = restart(steps.slice(0, -1)).connect({}, true);
  assert.deepEqual(second.sent(), ['PUBLISH 1 one q1']);
});

test('a full store refuses the messages of its batch, and nothing hangs', () => {
  const session = new TestSession(durable).connect();
  session.output();
  stored(session);
  const refused = [session.publish('a', 1), session.publish('b', 2)];
  session.output();
  const kept = session.publish('c', 1);
  session.output();
  session.session.storeFailed(new MqttError('QUEUE_FULL', 'full'));
  assert.deepEqual(
    refused.map((message) => message.calls),
    [['failed QUEUE_FULL'], ['failed QUEUE_FULL']],
  );
  stored(session);
  assert.deepEqual(session.sent(), ['PUBLISH 3 c q1']);
  session.receive({ type: PUBACK, packetId: 3, reasonCode: 0 });
  assert.deepEqual(kept.calls, ['stored 3', 'acknowledged 0']);
  assert.equal(session.session.inflight + session.session.queued, 0);
});

test('a broken store fails what it was to keep; what the broker owns already goes on', () => {
  const session = new TestSession({ ...durable, maxInflight: 1 }).connect();
  session.output();
  stored(session);
  const owned = session.publish('a', 2);
  const waiting = session.publish('b', 2);
  session.output();
  stored(session);
  session.output();
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 });
  session.output();
  const broken = new MqttError('STORE', 'disk');
  session.session.storeFailed(broken);
  assert.deepEqual(session.sent(), ['PUBREL 1']);
  session.receive({ type: PUBCOMP, packetId: 1, reasonCode: 0 });
  session.output();
  session.session.storeFailed(broken);
  assert.deepEqual(
    [owned.calls, waiting.calls],
    [
      ['stored 1', 'acknowledged 0'],
      ['stored 2', 'failed STORE'],
    ],
  );
  assert.equal(session.session.inflight + session.session.queued, 0);
});

test('a QoS 2 message that cannot be stored ends the connection; with all that came after it, it comes again in order', () => {
  const session = new TestSession(durable).connect();
  session.output();
  stored(session);
  session.receive(inbound('a', 1));
  session.output();
  session.receive(inbound('a', 2));
  session.output();
  session.session.storeFailed(new MqttError('QUEUE_FULL', 'full'));
  assert.deepEqual(session.news, ['connected false', 'rejected QUEUE_FULL']);
  assert.deepEqual(session.sent(), ['DISCONNECT 0x83']);
  stored(session);
  assert.equal(session.deliveries.length, 0);
  session.reconnect().receive(inbound('a', 1, { dup: true }), inbound('a', 2, { dup: true }));
  session.output();
  stored(session, 2);
  assert.deepEqual(
    session.deliveries.map((delivery) => delivery.packetId),
    [1, 2],
  );
});

test('cancel and expiry of a stored message are stored; before it is stored they wait for that', () => {
  const session = new TestSession(durable);
  const cancelled = session.publish('a', 1);
  session.output();
  session.session.cancel(cancelled);
  session.output();
  assert.deepEqual(session.steps(), ['put 1 q1']);
  stored(session);
  session.output();
  assert.deepEqual(session.steps(), ['done 1']);
  assert.deepEqual(cancelled.calls, []);
  session.publish('a', 1, { expiresAt: session.now + 2_000 });
  session.output();
  stored(session, 2);
  session.session.tick(session.now + 2_000);
  session.output();
  assert.deepEqual(session.steps(), ['put 2 q1', 'done 2']);
});
