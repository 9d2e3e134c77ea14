import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Delivery, Obstacle } from '#message/delivery.ts';
import { type QoS, UNTIMED } from '#message/message.ts';
import type { Session } from './session.ts';
import { TestHouse } from './test-house.ts';

/** A house in which somebody observes the deliveries of what is offered. */
function observed() {
  const house = new TestHouse();
  const finished: Delivery[] = [];
  house.events.isHolding = false;
  house.events.onDelivered = (_session, delivery) => void finished.push(delivery);
  const offer = (session: Session, payload: string, qos: QoS = 1): void => {
    const message = house.message(payload, qos);
    message.routedAtMs = house.clock.turnMs();
    house.offerMessage(session, message);
  };
  return { house, finished, offer };
}

for (const expiryInterval of [0, 3600]) {
  const kind = expiryInterval === 0 ? 'that ends with its connection' : 'that outlives its connection';

  test(`a delivery knows when it was sent first, also when it is sent again, in a session ${kind}`, async () => {
    const { house, finished, offer } = observed();
    const { session } = house.connect('c', { expiryInterval });
    const startMs = house.clock.turnMs();
    house.clock.advance(50);
    offer(session, 'm1');
    house.clock.advance(200);
    session.resume();
    session.acknowledge(1);
    await house.settle();
    assert.deepEqual(
      finished.map(({ sentAtMs, obstacle }) => [sentAtMs - startMs, obstacle]),
      [[50, Obstacle.None]],
    );
  });

  test(`a delivery that waits knows for what: the client, its window, or others, in a session ${kind}`, async () => {
    const { house, finished, offer } = observed();
    const { session, sink } = house.attach('c', { expiryInterval });
    sink.receiveMaximum = 1;
    session.resume();
    for (const payload of ['m1', 'm2']) offer(session, payload);
    sink.isWritable = false;
    offer(session, 'm3');
    sink.isWritable = true;
    for (const packetId of [1, 2, 3]) {
      session.acknowledge(packetId);
      await house.settle();
    }
    assert.deepEqual(
      finished.map(({ obstacle }) => obstacle),
      [Obstacle.None, Obstacle.Inflight, Obstacle.Client],
    );
  });
}

test('QoS 2 is finished by PUBCOMP, QoS 0 when it is sent, and what is dropped never', () => {
  const { house, finished, offer } = observed();
  const { session, sink } = house.connect('c');
  offer(session, 'two', 2);
  session.receive(1, false);
  assert.equal(finished.length, 0);
  session.complete(1);
  offer(session, 'zero', 0);
  sink.isBusy = true;
  offer(session, 'busy', 0);
  sink.payloadBytesMax = 1;
  offer(session, 'large', 1);
  assert.deepEqual(
    finished.map(({ qos }) => qos),
    [2, 0],
  );
});

test('how long a delivery has been on its way is not known of what is not timed, retained, or came while the client was away', () => {
  const { house } = observed();
  house.clock.advance(50);
  const { session } = house.connect('c', { expiryInterval: 3600 });
  house.clock.advance(100);
  const nowMs = house.clock.turnMs();
  const made = (routedAtMs: number, retain = false): number => {
    const message = house.message('m', 1);
    message.routedAtMs = routedAtMs;
    return new Delivery(message, 1, retain, null).tookMs(session.attachedAtMs, nowMs);
  };
  assert.deepEqual([made(nowMs), made(nowMs - 100), made(nowMs - 100, true)], [0, 100, -1]);
  assert.deepEqual([made(UNTIMED), made(nowMs - 101)], [-1, -1]);
});

test('while nobody observes, nothing is timed', () => {
  const house = new TestHouse();
  const { session, sink } = house.attach('c');
  sink.receiveMaximum = 1;
  session.resume();
  house.offer(session, 'm1');
  house.offer(session, 'm2');
  session.acknowledge(1);
  assert.deepEqual(
    sink.deliveries.map(({ sentAtMs, obstacle }) => [sentAtMs, obstacle]),
    [
      [0, Obstacle.None],
      [0, Obstacle.None],
    ],
  );
});
