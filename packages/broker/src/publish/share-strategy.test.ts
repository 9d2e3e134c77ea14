import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ShareStrategyName } from './share-strategy.ts';
import { message, TestHouse, TestSession } from './test-house.ts';

/** A group of four with a strategy. */
function groupOf(strategy: ShareStrategyName, states: ConstructorParameters<typeof TestSession>[1][] = [{}, {}, {}, {}]) {
  const house = new TestHouse();
  house.shares.settings = { ...house.shares.settings, strategy };
  const members = states.map((state, index) => new TestSession(`member-${index}`, state));
  for (const member of members) house.subscribe(member, '$share/g/t/#');
  return { house, members };
}

/** Publishes and tells which member got it. */
function receiverOf({ house, members }: ReturnType<typeof groupOf>, topic: string, qos: 0 | 1 | 2, publisher = 'publisher'): number {
  const before = members.map(({ offered }) => offered.length);
  house.publishFrom(publisher, { topic, qos });
  return members.findIndex(({ offered }, index) => offered.length > before[index]);
}

const all = ['round_robin', 'round_robin_per_group', 'random', 'local', 'sticky', 'hash_clientid', 'hash_topic', 'least_inflight'] as const;

for (const strategy of all) {
  describe(strategy, () => {
    for (const qos of [0, 1, 2] as const) {
      test(`at QoS ${qos} every message goes to exactly one member, never to one that is gone, full, or not allowed`, () => {
        const states = [{}, { isConnected: false, isReady: false }, { weightMax: 0, isReady: false, canSend: false }, {}];
        const { house, members } = groupOf(strategy, states);
        const denied = new TestSession('denied');
        house.subscribe(denied, '$share/g/t/#').mayReceive = () => false;
        for (let i = 0; i < 200; i += 1) house.publishFrom(`p${i}`, { topic: `t/${i}`, qos });
        assert.equal(members[0].offered.length + members[3].offered.length, 200);
        assert.ok(members[0].offered.length > 0 && members[3].offered.length > 0);
        assert.deepEqual([members[1].offered.length, members[2].offered.length, denied.offered.length], [0, 0, 0]);
      });
    }

    test('a member that left gets nothing more', () => {
      const { house, members } = groupOf(strategy, [{}, {}]);
      for (let i = 0; i < 20; i += 1) house.publishFrom(`p${i}`, { topic: `t/${i}`, qos: 1 });
      const left = members[0].offered.length;
      house.router.remove(house.subscriptions[0]);
      for (let i = 0; i < 20; i += 1) house.publishFrom(`p${i}`, { topic: `t/${i}`, qos: 1 });
      assert.deepEqual([members[0].offered.length, members[1].offered.length], [left, 40 - left]);
    });
  });
}

for (const strategy of ['round_robin', 'round_robin_per_group'] as const) {
  test(`${strategy} stays fair when every message comes from another publisher`, () => {
    const group = groupOf(strategy);
    const receivers = Array.from({ length: 8 }, (_, i) => receiverOf(group, `t/${i}`, 1, `publisher-${i}`));
    assert.deepEqual(receivers, [0, 1, 2, 3, 0, 1, 2, 3]);
  });
}

test('random gives every member its share', () => {
  const group = groupOf('random');
  for (let i = 0; i < 4000; i += 1) receiverOf(group, 't/x', 0);
  for (const { offered } of group.members) assert.ok(Math.abs(offered.length - 1000) < 120, `${offered.length} of 4000`);
});

for (const qos of [0, 1] as const) {
  test(`hash_topic gives a topic to one member at QoS ${qos}, whoever publishes and whoever is idle`, () => {
    const group = groupOf('hash_topic');
    for (let topic = 0; topic < 20; topic += 1) {
      const first = receiverOf(group, `t/${topic}`, qos, 'a');
      group.members[first].isReady = false;
      assert.equal(receiverOf(group, `t/${topic}`, qos, 'b'), first, 'it waits for its member: the order of a topic holds');
      group.members[first].isReady = true;
    }
    assert.ok(group.members.every(({ offered }) => offered.length > 0));
  });

  test(`hash_clientid gives a publisher to one member at QoS ${qos}, whatever the topic`, () => {
    const group = groupOf('hash_clientid');
    for (let publisher = 0; publisher < 20; publisher += 1) {
      const first = receiverOf(group, 't/1', qos, `p${publisher}`);
      for (let topic = 0; topic < 5; topic += 1) assert.equal(receiverOf(group, `t/${topic}`, qos, `p${publisher}`), first);
    }
    assert.ok(group.members.every(({ offered }) => offered.length > 0));
  });

  test(`sticky keeps a publisher's member until that goes, at QoS ${qos}`, () => {
    const group = groupOf('sticky');
    const first = receiverOf(group, 't/1', qos, 'p');
    for (let i = 0; i < 20; i += 1) assert.equal(receiverOf(group, `t/${i}`, qos, 'p'), first);
    group.members[first].isConnected = group.members[first].isReady = false;
    const second = receiverOf(group, 't/1', qos, 'p');
    assert.notEqual(second, first);
    group.members[first].isConnected = group.members[first].isReady = true;
    for (let i = 0; i < 20; i += 1) assert.equal(receiverOf(group, `t/${i}`, qos, 'p'), second, 'it stays with the new one');
  });
}

test('sticky passes a member over that may not receive a topic or has no room, and keeps it for the others', () => {
  const group = groupOf('sticky');
  const first = receiverOf(group, 't/1', 1, 'p');
  group.house.subscriptions[first].mayReceive = (topic) => topic !== 't/secret';
  assert.notEqual(receiverOf(group, 't/secret', 1, 'p'), first);
  assert.equal(receiverOf(group, 't/1', 1, 'p'), first);
});

test('sticky knows its member again when that subscribes once more', () => {
  const group = groupOf('sticky');
  const first = receiverOf(group, 't/1', 1, 'p');
  const { house, members } = group;
  house.resubscribe(house.subscriptions[first], members[first]);
  for (let i = 0; i < 10; i += 1) assert.equal(receiverOf(group, 't/1', 1, 'p'), first);
});

test('sticky with an initial pick by publisher finds the same member again after a restart', () => {
  const picks = [1, 2].map(() => {
    const group = groupOf('sticky');
    group.house.shares.settings = { ...group.house.shares.settings, stickyInitialPick: 'hash_clientid' };
    group.house.router.reconfigure();
    return Array.from({ length: 20 }, (_, i) => receiverOf(group, 't/1', 1, `p${i}`));
  });
  assert.deepEqual(picks[0], picks[1]);
});

test('least_inflight gives to whoever has the fewest unacknowledged messages', () => {
  const group = groupOf('least_inflight');
  for (const [index, unfinished] of [5, 3, 4, 3].entries()) group.members[index].unfinished = unfinished;
  assert.deepEqual([receiverOf(group, 't/1', 1), receiverOf(group, 't/1', 1)], [1, 3]);
  group.members[2].unfinished = 0;
  assert.equal(receiverOf(group, 't/1', 0), 2);
});

test('a group may have a strategy of its own, and both may change while messages flow', () => {
  const house = new TestHouse();
  house.shares.settings = { ...house.shares.settings, groups: { own: { strategy: 'hash_topic' } } };
  const members = Array.from({ length: 4 }, (_, i) => new TestSession(`member-${i}`));
  for (const member of members) house.subscribe(member, '$share/own/t');
  for (let i = 0; i < 8; i += 1) house.publisher.publish(message({ topic: 't', qos: 1 }), null, null);
  assert.deepEqual(
    members.map(({ offered }) => offered.length).toSorted((a, b) => a - b),
    [0, 0, 0, 8],
  );
  house.shares.settings = { ...house.shares.settings, groups: {} };
  house.router.reconfigure();
  for (let i = 0; i < 8; i += 1) house.publisher.publish(message({ topic: 't', qos: 1 }), null, null);
  assert.deepEqual(
    members.map(({ offered }) => offered.length).toSorted((a, b) => a - b),
    [2, 2, 2, 10],
  );
});
