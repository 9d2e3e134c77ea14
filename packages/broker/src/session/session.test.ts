import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MessageOrigin } from '#message/message.ts';
import { BodyKind, Message } from '#message/message.ts';
import { Delivery } from '#message/delivery.ts';
import { numbered, TestHouse, turns } from './test-house.ts';

describe('a session sends', () => {
  for (const expiryInterval of [0, 3600]) {
    const kind = expiryInterval === 0 ? 'that ends with its connection' : 'that outlives its connection';

    test(`in order, at most Receive Maximum unfinished, the rest when its turn comes, in a session ${kind} [MQTT-3.3.4-9]`, async () => {
      const house = new TestHouse();
      const { session, sink } = house.attach('c', { expiryInterval });
      sink.receiveMaximum = 2;
      session.resume();
      for (const payload of numbered('m', 1, 5)) house.offer(session, payload);
      assert.deepEqual(sink.take(), ['m1', 'm2']);
      assert.deepEqual([session.waiting, session.isReady], [3, false]);
      assert.equal(session.acknowledge(1), true);
      assert.deepEqual(sink.take(), ['m3']);
      await house.settle();
      assert.equal(session.acknowledge(3), true);
      assert.equal(session.acknowledge(2), true);
      assert.deepEqual(sink.take(), ['m4', 'm5']);
      for (const packetId of [4, 5]) session.acknowledge(packetId);
      assert.deepEqual([session.waiting, session.queuedBytes, session.inflight.size, session.isReady], [0, 0, 0, true]);
      assert.deepEqual(house.delivered, ['m1', 'm3', 'm2', 'm4', 'm5']);
    });

    test(`a later message after an earlier one that waits, in a session ${kind} [MQTT-4.6.0-6]`, async () => {
      const house = new TestHouse();
      const { session, sink } = house.attach('c', { expiryInterval });
      house.offer(session, 'first');
      assert.deepEqual(sink.sent, []);
      session.resume();
      house.offer(session, 'second');
      await house.settle();
      assert.deepEqual(sink.sent, ['first', 'second']);
    });

    test(`nothing while the client does not read, in a session ${kind}`, () => {
      const house = new TestHouse();
      const { session, sink } = house.connect('c', { expiryInterval });
      sink.isWritable = false;
      house.offer(session, 'm1');
      assert.deepEqual(sink.sent, []);
      sink.isWritable = true;
      session.pump();
      assert.deepEqual(sink.sent, ['m1']);
    });
  }

  test('no more than its own bound, whatever the client would take', () => {
    const house = new TestHouse({ inflightMax: 1 });
    const { session, sink } = house.connect('c');
    house.offer(session, 'm1');
    house.offer(session, 'm2');
    assert.deepEqual(sink.sent, ['m1']);
  });

  test('QoS 0 past what waits, and drops it when nobody is there', () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c');
    sink.receiveMaximum = 1;
    house.offer(session, 'now', 0);
    sink.isBusy = true;
    house.offer(session, 'busy', 0);
    house.release(session);
    house.offer(session, 'away', 0);
    assert.deepEqual(sink.sent, ['now']);
    assert.deepEqual(house.drops, [
      { payload: 'busy', reason: 'outbox-full' },
      { payload: 'away', reason: 'offline-qos-0' },
    ]);
    assert.deepEqual([house.counters.dropped['outbox-full'], house.counters.dropped['offline-qos-0']], [1, 1]);
    assert.equal(session.dropped?.get('outbox-full'), 1);
  });

  test('what a hook makes of a message, and nothing when the hook drops it', () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c');
    house.events.onOutbound = (_session, message) => (message.payload.toString() === 'bad' ? null : house.message('changed'));
    for (const qos of [0, 1] as const) {
      house.offer(session, 'good', qos);
      house.offer(session, 'bad', qos);
    }
    assert.deepEqual(sink.sent, ['changed', 'changed']);
    assert.deepEqual(house.dropsFor('rejected'), ['bad', 'bad']);
  });

  test('a message too large for the client to nobody, as if it had been delivered [MQTT-3.1.2-25]', async () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c');
    sink.payloadBytesMax = 5;
    for (const payload of ['small', 'too large', 'fits']) house.offer(session, payload);
    house.offer(session, 'large at QoS 0', 0);
    assert.deepEqual(sink.sent, ['small', 'fits']);
    assert.deepEqual(house.dropsFor('too-large'), ['too large', 'large at QoS 0']);
    assert.equal(session.inflight.size, 2);
    for (const packetId of sink.packetIds) session.acknowledge(packetId);
    await house.settle();
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  });

  test('waiting messages that have expired to nobody, and counts them [MQTT-3.3.2-5]', async () => {
    for (const expiryInterval of [0, 3600]) {
      const house = new TestHouse();
      const { session, sink } = house.attach('c', { expiryInterval });
      session.offer(new Delivery(house.message('short', 1, 10), 1, false, null));
      session.offer(new Delivery(house.message('long', 1, 100), 1, false, null));
      session.offer(new Delivery(house.message('short too', 2, 10), 2, false, null));
      house.clock.advance(10_000);
      session.resume();
      await house.settle();
      assert.deepEqual(sink.sent, ['long']);
      assert.deepEqual(house.dropsFor('expired'), ['short', 'short too']);
      assert.equal(house.counters.dropped.expired, 2);
      assert.equal(session.queuedBytes, expiryInterval === 0 ? 0 : session.inflight.inOrder()[0].message.weight);
    }
  });

  test('a hook that watches deliveries the message as it was, after the read buffer was used again', () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { expiryInterval: 0 });
    const bytes = Buffer.from('..tpayload');
    const slices = {
      topicStart: 2,
      topicEnd: 3,
      propertiesStart: 3,
      propertiesEnd: 3,
      payloadStart: 3,
      payloadEnd: 10,
      messageExpiryAt: -1,
    };
    const origin: MessageOrigin = { qos: 1, retain: false, expiresAtMs: 0, receivedAtMs: 0, publisher: 'p', bodyKind: BodyKind.V3 };
    session.offer(new Delivery(new Message('t', bytes, slices, origin), 1, false, null));
    bytes.fill(0);
    session.acknowledge(1);
    assert.deepEqual(house.delivered, ['payload']);
  });
});

describe('a session that is resumed', () => {
  test('sends what is unfinished again, in order, with DUP, then what waits [MQTT-4.4.0-1] [MQTT-3.3.1-1]', async () => {
    const house = new TestHouse();
    const { session, sink } = house.attach('c');
    sink.receiveMaximum = 2;
    session.resume();
    for (const payload of numbered('m', 1, 4)) house.offer(session, payload);
    await house.settle();
    house.release(session);
    const again = house.connect('c');
    assert.equal(again.isPresent, true);
    await house.settle();
    assert.deepEqual(again.sink.sent, ['dup:m1', 'dup:m2', 'm3', 'm4']);
    assert.deepEqual(again.sink.packetIds, [1, 2, 3, 4]);
  });

  test('sends nothing before it is told to: CONNACK goes first [MQTT-3.2.0-1]', async () => {
    const house = new TestHouse();
    const first = house.connect('c');
    house.offer(first.session, 'q2', 2);
    house.offer(first.session, 'q1');
    await house.settle();
    first.session.receive(first.sink.packetIds[1], false);
    const { session, sink } = house.attach('c');
    await house.settle();
    house.offer(session, 'q0', 0);
    house.offer(session, 'new');
    assert.deepEqual(sink.take(), []);
    session.resume();
    await house.settle();
    assert.deepEqual(sink.take(), ['release 1', 'dup:q1', 'new']);
  });

  test('is not marked DUP what was never sent', async () => {
    const house = new TestHouse();
    house.store.isHeld = true;
    const first = house.connect('c');
    house.offer(first.session, 'q2', 2);
    await turns(3);
    const { session, sink } = house.attach('c');
    await house.store.land();
    await turns(3);
    session.resume();
    assert.deepEqual([first.sink.sent, sink.sent], [[], ['q2']]);
  });

  test('keeps to a Receive Maximum that has become smaller [MQTT-3.3.4-9]', async () => {
    const house = new TestHouse();
    const first = house.connect('c');
    for (const payload of numbered('m', 1, 5)) house.offer(first.session, payload);
    await house.settle();
    house.release(first.session);
    const { session, sink } = house.attach('c');
    sink.receiveMaximum = 2;
    session.resume();
    house.offer(session, 'm6');
    assert.deepEqual(sink.take(), ['dup:m1', 'dup:m2']);
    // The client had the PUBLISH from before.
    assert.equal(session.acknowledge(4), true);
    assert.deepEqual(sink.take(), []);
    session.acknowledge(1);
    assert.deepEqual(sink.take(), ['dup:m3']);
    session.acknowledge(2);
    session.acknowledge(3);
    assert.deepEqual(sink.take(), ['dup:m5', 'm6']);
    session.acknowledge(5);
    session.acknowledge(6);
    assert.equal(session.inflight.size, 0);
  });

  test('has everything after a restart: what was under way with its identifiers, and what waits behind it', async () => {
    const before = new TestHouse();
    const { session, sink } = before.attach('c');
    sink.receiveMaximum = 3;
    session.resume();
    before.offer(session, 'm1', 2);
    before.offer(session, 'm2', 1);
    before.offer(session, 'm3', 2);
    for (const payload of numbered('m', 4, 6)) before.offer(session, payload);
    await before.settle();
    session.receive(1, false);
    await before.settle();
    assert.deepEqual(sink.sent, ['m2', 'm1', 'm3', 'release 1']);

    const house = await before.restart();
    assert.equal(house.sessions.get('c')?.waiting, 6);
    const again = house.connect('c');
    await house.settle();
    assert.deepEqual(again.sink.sent, ['release 1', 'dup:m2', 'dup:m3', 'm4', 'm5', 'm6']);
    assert.deepEqual(again.sink.packetIds, [2, 3, 4, 5, 6]);
  });

  test('sends each message once to a client that connects again while the queue is read back', async () => {
    const before = new TestHouse();
    const { session } = before.connect('c');
    for (const payload of numbered('m', 1, 3)) before.offer(session, payload);
    await before.settle();
    before.release(session);
    for (const payload of numbered('m', 4, 500)) before.offer(session, payload);
    await before.settle();

    const house = await before.restart({ inflightMax: 1000 });
    house.store.readTurns = 2;
    const first = house.connect('c');
    await turns(5);
    const second = house.connect('c');
    await turns(1);
    house.offer(second.session, 'm501');
    await turns(3000);
    assert.equal(first.sink.closedWith, 0x8e);
    assert.deepEqual(second.sink.sent, [...numbered('dup:m', 1, 3), ...numbered('m', 4, 501)]);
    assert.deepEqual(second.sink.packetIds, numbered('', 1, 501).map(Number));
  });
});

describe('a client that acknowledges', () => {
  test('an identifier that is not in use is told so, and nothing else happens', () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.offer(session, 'q1', 1);
    assert.equal(session.acknowledge(2), false);
    assert.equal(session.receive(1, false), false);
    assert.equal(session.complete(1), false);
    assert.equal(session.acknowledge(1), true);
    assert.equal(session.acknowledge(1), false);
  });

  test('QoS 2 with PUBACK is told so as well', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.offer(session, 'q2', 2);
    await house.settle();
    assert.equal(session.acknowledge(1), false);
    assert.equal(session.complete(1), false);
    assert.equal(session.receive(1, false), true);
    assert.equal(session.acknowledge(1), false);
  });

  test('QoS 2 goes through PUBREC, PUBREL and PUBCOMP without the disk when the session ends with its connection', () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c', { expiryInterval: 0 });
    house.offer(session, 'q2', 2);
    assert.deepEqual(sink.take(), ['q2']);
    session.receive(1, false);
    session.receive(1, false);
    assert.deepEqual(sink.take(), ['release 1', 'release 1']);
    assert.equal(session.complete(1), true);
    assert.equal(session.complete(1), false);
    assert.deepEqual([session.inflight.size, house.store.commits], [0, 0]);
  });

  test('QoS 2 gets PUBLISH and PUBREL only when the step before is on disk (D4)', async () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c');
    await house.settle();
    house.store.isHeld = true;
    house.offer(session, 'q2', 2);
    await turns(3);
    assert.deepEqual(sink.take(), []);
    await house.store.land();
    await turns(2);
    assert.deepEqual(sink.take(), ['q2']);
    session.receive(1, false);
    session.receive(1, false);
    await turns(3);
    assert.deepEqual(sink.take(), []);
    await house.store.land();
    await turns(2);
    assert.deepEqual(sink.take(), ['release 1']);
    session.receive(1, false);
    assert.deepEqual(sink.take(), ['release 1']);
    assert.equal(session.complete(1), true);
    house.store.isHeld = false;
    await house.settle();
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  });

  test('a refusal in PUBREC ends the exchange and makes room for the next', async () => {
    const house = new TestHouse({ inflightMax: 1 });
    const { session, sink } = house.connect('c');
    house.offer(session, 'no', 2);
    house.offer(session, 'next', 2);
    await house.settle();
    assert.equal(session.receive(1, true), true);
    await house.settle();
    assert.deepEqual(sink.sent, ['no', 'next']);
    assert.deepEqual(house.delivered, []);
    assert.deepEqual([session.inflight.size, session.complete(1)], [1, false]);
  });
});

describe('whoever waits until a session is ready', () => {
  test('is called once, when everything that waits has been sent', () => {
    const house = new TestHouse({ inflightMax: 1 });
    const { session } = house.connect('c', { expiryInterval: 0 });
    let calls = 0;
    for (const payload of ['m1', 'm2']) house.offer(session, payload);
    session.whenReady(() => (calls += 1));
    session.acknowledge(1);
    assert.equal(calls, 0);
    session.acknowledge(2);
    assert.equal(calls, 1);
    house.offer(session, 'm3');
    session.acknowledge(3);
    assert.equal(calls, 1);
  });

  test('may fill the session again and wait again', () => {
    const house = new TestHouse({ inflightMax: 1 });
    const { session, sink } = house.connect('c', { expiryInterval: 0 });
    let left = 3;
    const offer = (): void => {
      while (left > 0 && session.isReady) house.offer(session, `r${left--}`);
      if (left > 0) session.whenReady(offer);
    };
    offer();
    for (let packetId = 1; packetId <= 3; packetId += 1) session.acknowledge(packetId);
    assert.deepEqual(sink.sent, ['r3', 'r2', 'r1']);
  });

  test('is called when the connection is gone', () => {
    const house = new TestHouse({ inflightMax: 1 });
    const { session } = house.connect('c');
    let calls = 0;
    house.offer(session, 'm1');
    session.whenReady(() => (calls += 1));
    house.release(session);
    assert.equal(calls, 1);
  });

  test('is called when a refusal by the disk makes room', async () => {
    const house = new TestHouse({ inflightMax: 1 });
    const { session } = house.connect('c');
    await house.settle();
    house.store.isFull = true;
    house.offer(session, 'q2', 2);
    let calls = 0;
    session.whenReady(() => (calls += 1));
    await turns(3);
    assert.deepEqual([house.dropsFor('store-full'), calls], [['q2'], 1]);
  });
});

test('a sink that closes while it is sent to ends the sending', async () => {
  const house = new TestHouse();
  const { session, sink } = house.attach('c');
  for (const payload of numbered('m', 1, 3)) house.offer(session, payload);
  const send = sink.send.bind(sink);
  sink.send = (delivery) => {
    const result = send(delivery);
    house.release(session);
    return result;
  };
  session.resume();
  await house.settle();
  assert.deepEqual([sink.sent, session.waiting, session.isConnected], [['m1'], 2, false]);
});
