import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMBEDDER } from '#hooks/order.ts';
import type { Delivery } from '#message/delivery.ts';
import { type Message, type QoS } from '#message/message.ts';
import { Outcome } from './publisher.ts';
import { message, TestHouse, TestSession } from './test-house.ts';

const { Matched, Durable, Refused } = Outcome;

/** A group of the given sessions. */
function groupOf(house: TestHouse, sessions: readonly TestSession[], qos: QoS = 2): void {
  for (const session of sessions) house.subscribe(session, '$share/g/t', { qos });
}

function counts(sessions: readonly TestSession[]): number[] {
  return sessions.map(({ offered }) => offered.length);
}

for (const qos of [0, 1, 2] as const) {
  test(`at QoS ${qos} each message goes to one member, in turn [MQTT-4.8.2-3]`, () => {
    const house = new TestHouse();
    const members = [new TestSession('a'), new TestSession('b'), new TestSession('c')];
    groupOf(house, members);
    for (let number = 0; number < 9; number += 1) assert.equal(house.publish({ topic: 't', qos }), Matched);
    assert.deepEqual(counts(members), [3, 3, 3]);
  });
}

test('each group, and each session with an ordinary subscription, gets its own copy', () => {
  const house = new TestHouse();
  const [a, b, c] = [new TestSession('a'), new TestSession('b'), new TestSession('c')];
  house.subscribe(a, '$share/g/t');
  house.subscribe(b, '$share/h/t');
  house.subscribe(c, 't');
  house.subscribe(a, 't');
  house.publish({ topic: 't', qos: 1 });
  assert.deepEqual(counts([a, b, c]), [2, 1, 1]);
});

test('a delivery has the QoS, the identifier and RETAIN of the subscription of the member that was picked [MQTT-4.8.2-4]', () => {
  const house = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  house.subscribe(a, '$share/g/t', { qos: 1, identifier: 5 });
  house.subscribe(b, '$share/g/t', { qos: 0, retainAsPublished: true });
  house.publish({ topic: 't', qos: 2, retain: true });
  house.publish({ topic: 't', qos: 2, retain: true });
  assert.deepEqual(
    [...a.offered, ...b.offered].toSorted((x, y) => y.qos - x.qos),
    [
      { topic: 't', qos: 1, retain: false, identifiers: [5] },
      { topic: 't', qos: 0, retain: true, identifiers: null },
    ],
  );
});

test('a member that can send at once goes before one whose window is closed', () => {
  const house = new TestHouse();
  const [busy, ready] = [new TestSession('busy', { isReady: false }), new TestSession('ready')];
  groupOf(house, [busy, ready]);
  for (let number = 0; number < 4; number += 1) house.publish({ topic: 't', qos: 1 });
  assert.deepEqual(counts([busy, ready]), [0, 4]);
});

test('when nobody is ready, a connected member with room takes it before one that is away', () => {
  const house = new TestHouse();
  const full = new TestSession('full', { isReady: false, weightMax: 0 });
  const away = new TestSession('away', { isReady: false, isConnected: false, isDurable: true });
  const busy = new TestSession('busy', { isReady: false });
  groupOf(house, [full, away, busy]);
  for (let number = 0; number < 3; number += 1) assert.equal(house.publish({ topic: 't', qos: 1 }), Matched);
  assert.deepEqual(counts([full, away, busy]), [0, 0, 3]);
});

test('a durable member that is away keeps messages only when nobody is connected, and one with room first', () => {
  const house = new TestHouse();
  const full = new TestSession('full', { isReady: false, isConnected: false, isDurable: true, weightMax: 0 });
  const away = new TestSession('away', { isReady: false, isConnected: false, isDurable: true });
  groupOf(house, [full, away]);
  assert.equal(house.publish({ topic: 't', qos: 1 }), Matched | Durable);
  assert.equal(house.publish({ topic: 't', qos: 1 }), Matched | Durable);
  assert.deepEqual(counts([full, away]), [0, 2]);
  away.weightMax = 0;
  house.publish({ topic: 't', qos: 1 });
  assert.equal(full.offered.length + away.offered.length, 3, 'the overflow policy of a session decides');
});

test('a member that may not receive the topic is passed over', () => {
  const house = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  house.subscribe(a, '$share/g/+').mayReceive = () => false;
  house.subscribe(b, '$share/g/+');
  for (const qos of [0, 1] as const) for (let number = 0; number < 2; number += 1) house.publish({ topic: 't', qos });
  assert.deepEqual(counts([a, b]), [0, 4]);
});

test('at QoS 0 a member that cannot send now leaves the message to the next', () => {
  const house = new TestHouse();
  const [slow, quick] = [new TestSession('slow', { canSend: false }), new TestSession('quick')];
  groupOf(house, [slow, quick]);
  for (let number = 0; number < 4; number += 1) house.publish({ topic: 't', qos: 0 });
  assert.deepEqual(counts([slow, quick]), [0, 4]);
  assert.equal(house.counters.dropped['no-member'], 0);
});

test('a message that no member can take is counted, and told to observers', () => {
  const house = new TestHouse();
  const told: unknown[] = [];
  house.hooks.register(EMBEDDER, 'message.dropped', (clientId, one, reason) => void told.push([clientId, one?.topic, reason]));
  const session = new TestSession('s', { isReady: false, weightMax: 0, canSend: false });
  groupOf(house, [session]);
  house.publish({ topic: 't', qos: 0 });
  house.publish({ topic: 't', qos: 1 });
  assert.equal(house.counters.dropped['no-member'], 2);
  assert.deepEqual(told, [
    [null, 't', 'no-member'],
    [null, 't', 'no-member'],
  ]);
});

test('a publisher is refused when the policy says so and no member has room, but not as long as one has', () => {
  const house = new TestHouse(true);
  const full = new TestSession('full', { isReady: false, isConnected: false, isDurable: true, weightMax: 0 });
  groupOf(house, [full]);
  assert.equal(house.publish({ topic: 't', qos: 1 }), Refused);
  assert.equal(full.offered.length, 0);
  house.subscribe(new TestSession('other'), '$share/g/t');
  assert.equal(house.publish({ topic: 't', qos: 1 }), Matched);
});

test('a group of members that end with their connections refuses nobody', () => {
  const house = new TestHouse(true);
  groupOf(house, [new TestSession('s', { isReady: false, weightMax: 0 })]);
  assert.equal(house.publish({ topic: 't', qos: 1 }), Matched);
  assert.equal(house.counters.dropped['no-member'], 1);
});

test('what a member leaves goes to another that is connected, never back to itself', () => {
  const house = new TestHouse();
  const [gone, other] = [new TestSession('gone'), new TestSession('other')];
  groupOf(house, [gone, other]);
  const share = house.router.route('t').shares[0];
  const left = message({ topic: 't', qos: 1 });
  for (let number = 0; number < 3; number += 1) assert.equal(share.redeliver(left, gone, false, 0), true);
  assert.deepEqual(counts([gone, other]), [0, 3]);
  other.isConnected = other.isReady = false;
  other.isDurable = true;
  assert.equal(share.redeliver(left, gone, false, 0), false, 'one that is away takes nothing over');
  assert.equal(share.redeliver(left, gone, true, 0), true, 'unless it would be lost');
});

test('members that all refuse a message do not pass it round forever', () => {
  const house = new TestHouse();
  const members = Array.from({ length: 5 }, (_, number) => new TestSession(String(number)));
  let refusals = 0;
  for (const member of members) {
    // As a session does when the packet is larger than its client takes.
    member.onOffer = (delivery: Delivery) => {
      refusals += 1;
      assert.ok(refusals < 100, 'a loop');
      delivery.group!.redeliver(delivery.message, member, false, 0);
    };
  }
  groupOf(house, members);
  house.publish({ topic: 't', qos: 1 });
  assert.ok(refusals >= members.length, 'everyone was asked');
  const before = refusals;
  house.publish({ topic: 't', qos: 1 });
  assert.equal(refusals - before, before, 'and the next message is offered afresh');
});

test('a member that takes what the others refuse is found', () => {
  const house = new TestHouse();
  const members = Array.from({ length: 5 }, (_, number) => new TestSession(String(number)));
  for (const member of members.slice(0, 4)) {
    member.onOffer = (delivery) => void delivery.group!.redeliver(delivery.message, member, false, 0);
  }
  groupOf(house, members);
  for (let number = 0; number < 10; number += 1) house.publish({ topic: 't', qos: 1 });
  assert.equal(members[4].offered.length, 10);
});

test('a hook that publishes to the group while a message is offered mixes nothing up', () => {
  const house = new TestHouse();
  const [first, second] = [new TestSession('first', { canSend: false }), new TestSession('second')];
  let isNested = false;
  first.onOffer = () => {
    if (isNested) return;
    isNested = true;
    house.publish({ topic: 't/inner', qos: 0 });
  };
  for (const session of [first, second]) house.subscribe(session, '$share/g/t/+');
  house.publish({ topic: 't/outer', qos: 0 });
  assert.deepEqual(second.topics, ['t/inner', 't/outer']);
});

test('a message keeps its group, so that the session can hand it on', () => {
  const house = new TestHouse();
  const session = new TestSession('s');
  groupOf(house, [session]);
  const one: Message = message({ topic: 't', qos: 1 });
  house.publisher.publish(one, null, null);
  assert.equal(session.deliveries[0].group, house.router.route('t').shares[0]);
  assert.equal(session.deliveries[0].message, one);
});
