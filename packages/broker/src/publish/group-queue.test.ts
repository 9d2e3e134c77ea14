import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numbered, turns } from '#session/test-house.ts';
import { Outcome } from './publisher.ts';
import { GroupTestHouse } from './test-group-house.ts';

const { Matched, Durable, Refused } = Outcome;

/** The clock goes on beyond the time that a member may stay away, and what has to be read is read. */
async function stayAway(house: GroupTestHouse): Promise<void> {
  await house.base.settle();
  house.base.clock.advance(5000);
  await turns(10);
  await house.base.settle();
}

describe('a durable group', () => {
  test('gives a message to one member at once, as long as one is ready', () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a'), house.member('b')];
    for (let i = 0; i < 4; i += 1) assert.equal(house.publish(), Matched | Durable);
    assert.deepEqual(
      [a.sink.take(), b.sink.take()],
      [
        ['1', '3'],
        ['2', '4'],
      ],
    );
    assert.equal(house.waiting, 0);
  });

  test('keeps messages once while nobody is connected; the first that comes back gets them, in order, as its window allows', async () => {
    const house = new GroupTestHouse();
    for (const name of ['a', 'b', 'c']) house.base.release(house.member(name).session);
    house.publishMany(200);
    await house.base.settle();
    assert.equal(house.waiting, 200);
    assert.equal((await house.base.records()).queue, 4, 'chunks of 64, once for three members');
    const b = house.member('b', 10);
    await house.base.settle();
    assert.deepEqual(b.sink.sent, numbered('', 1, 10));
    assert.equal(house.waiting, 190);
    const got: string[] = [];
    while (house.waiting > 0 || b.sink.sent.length > 0) {
      got.push(...house.acknowledge(b));
      await house.base.settle();
    }
    assert.deepEqual(got, numbered('', 1, 200));
    assert.deepEqual(await house.base.records(), { session: 6, queue: 0, log: 0 });
  });

  test('lets whoever has room next take what waits while all are at their window', () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a', 2), house.member('b', 1)];
    house.publishMany(8);
    assert.deepEqual([a.sink.take(), b.sink.take(), house.waiting], [['1', '3'], ['2'], 5]);
    b.session.acknowledge(1);
    assert.deepEqual([a.sink.take(), b.sink.take(), house.waiting], [[], ['4'], 4]);
    a.session.acknowledge(2);
    a.session.acknowledge(1);
    assert.deepEqual([a.sink.take(), b.sink.take(), house.waiting], [['5', '6'], [], 2]);
  });

  test('does not let a new message overtake what waits', () => {
    const house = new GroupTestHouse();
    const a = house.member('a', 1);
    house.publishMany(3);
    house.base.clock.advance(1);
    house.publishMany(1);
    assert.deepEqual(house.acknowledge(a), ['1', '2', '3', '4']);
  });

  test('gives a member that joins its part of what waits', async () => {
    const house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(5);
    await house.base.settle();
    assert.deepEqual(house.acknowledge(house.member('new')), numbered('', 1, 5));
  });

  test('leaves what a member has not finished with it for a while, so that it gets it back in order', async () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a'), house.member('b')];
    house.publishMany(6);
    assert.deepEqual(b.sink.take(), ['2', '4', '6']);
    house.base.release(a.session);
    house.base.clock.advance(4999);
    await turns(5);
    const again = house.member('a');
    assert.deepEqual([again.sink.take(), b.sink.take()], [['dup:1', 'dup:3', 'dup:5'], []]);
    house.base.clock.advance(10_000);
    await turns(5);
    assert.deepEqual(b.sink.take(), [], 'it is here');
  });

  test('gives it to another member when it stays away, in order and before what is new', async () => {
    const house = new GroupTestHouse();
    const a = house.member('a');
    const b = house.member('b', 3);
    house.publishMany(6);
    assert.deepEqual(b.sink.take(), ['2', '4', '6']);
    house.base.release(a.session);
    house.publishMany(2);
    await stayAway(house);
    assert.equal(house.waiting, 5);
    for (const packetId of [1, 2, 3]) b.session.acknowledge(packetId);
    assert.deepEqual(b.sink.take(), ['1', '3', '5']);
    assert.deepEqual(house.acknowledge({ ...b, sink: b.sink }), []);
    const again = house.member('a');
    assert.deepEqual(house.acknowledge(again), ['7', '8']);
    assert.equal(house.share.statistics(0).returned, 3);
  });

  test('may hand it on at once', async () => {
    const house = new GroupTestHouse({ redeliverAfterMs: 0 });
    const [a, b] = [house.member('a'), house.member('b')];
    house.publishMany(2);
    house.base.release(a.session);
    house.base.clock.advance(0);
    await house.base.settle();
    assert.deepEqual(b.sink.take(), ['2', '1']);
  });

  test('[MQTT-4.8.2-4] leaves at QoS 2 with its member what was sent, before PUBREC and after', async () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a'), house.member('b')];
    house.publishMany(4, 2);
    await house.base.settle();
    assert.deepEqual(a.sink.take(), ['1', '3']);
    a.session.receive(1, false);
    house.base.release(a.session);
    await stayAway(house);
    assert.deepEqual(b.sink.take(), ['2', '4']);
    const again = house.member('a');
    assert.deepEqual(again.sink.take(), ['release 1', 'dup:3']);
  });

  test('gives at QoS 2 to another member what was never sent', async () => {
    const house = new GroupTestHouse();
    house.base.store.isHeld = true;
    const [a, b] = [house.member('a'), house.member('b')];
    house.publishMany(2, 2);
    house.base.release(a.session);
    house.base.store.isHeld = false;
    while (house.base.store.held.length > 0) await house.base.store.land();
    await stayAway(house);
    assert.deepEqual(b.sink.take(), ['2', '1']);
  });

  test('goes with its last member, and what waits is counted', async () => {
    const house = new GroupTestHouse();
    const a = house.member('a');
    const b = house.member('b');
    house.base.release(b.session);
    house.base.release(a.session);
    house.publishMany(100);
    await house.base.settle();
    b.session.end();
    assert.equal(house.waiting, 100);
    a.session.end();
    await house.base.settle();
    assert.deepEqual([[...house.router.shares], [...house.queues]], [[], []]);
    assert.equal(house.base.counters.dropped['no-member'], 100);
    assert.deepEqual(
      house.drops,
      numbered('', 1, 100).map((payload) => `${payload} no-member`),
    );
    assert.deepEqual(await house.base.records(), { session: 0, queue: 0, log: 0 });
    assert.equal(await house.base.store.disk.count('meta'), 0);
  });

  test('keeps what waits when its only member subscribes once more', async () => {
    const house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(3);
    const { session, sink } = house.base.attach('a');
    house.subscribe(session, '$share/g/t/#', { qos: 1 });
    session.resume();
    await house.base.settle();
    assert.deepEqual(house.acknowledge({ session, sink }), ['1', '2', '3']);
  });

  test('takes over what a member had whose session ends', async () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a'), house.member('b')];
    house.publishMany(2);
    b.sink.take();
    house.base.release(a.session);
    a.session.end();
    await house.base.settle();
    assert.deepEqual(b.sink.take(), ['1']);
  });
});

describe('a group that is not durable, or is so no more', () => {
  test('one fleeting member is enough: then others keep what came while they are away', async () => {
    const house = new GroupTestHouse();
    const a = house.member('a');
    const fleeting = house.base.connect('f', { expiryInterval: 0 });
    house.subscribe(fleeting.session, '$share/g/t/#');
    house.base.release(a.session);
    fleeting.sink.isWritable = false;
    house.publishMany(2);
    assert.deepEqual([house.waiting, fleeting.session.waiting], [0, 2]);
  });

  test('a member at QoS 0 makes a group fleeting', () => {
    const house = new GroupTestHouse();
    const a = house.member('a');
    assert.equal(house.share.statistics(0).isDurable, true);
    house.subscribe(a.session, '$share/g/t/#', { qos: 0 });
    assert.equal(house.share.statistics(0).isDurable, false);
  });

  test('what waits is not lost when a fleeting member joins: it goes first', async () => {
    const house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(3);
    const fleeting = house.base.connect('f', { expiryInterval: 0 });
    house.subscribe(fleeting.session, '$share/g/t/#', { qos: 1 });
    house.publishMany(1);
    await house.base.settle();
    assert.deepEqual(house.acknowledge(fleeting), ['1', '2', '3', '4']);
  });

  test('what waits is not lost when the configuration turns durable groups off', async () => {
    const house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(3);
    house.settings.durableGroups = false;
    house.router.reconfigure();
    house.publishMany(1);
    const a = house.member('a');
    await house.base.settle();
    assert.deepEqual(house.acknowledge(a), ['1', '2', '3', '4']);
  });
});

describe('what may go to whom', () => {
  test('a member whose right is taken gets nothing that waits, and what nobody may have is dropped', async () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a'), house.member('b')];
    house.base.release(a.session);
    house.base.release(b.session);
    house.publish('secret', 1, 't/secret');
    house.publish('open', 1, 't/open');
    const [ofA, ofB] = [a, b].map(({ session }) => session.state.subscription('$share/g/t/#')!);
    ofA.mayReceive = (topic) => topic !== 't/secret';
    const again = house.member('a');
    await house.base.settle();
    assert.deepEqual([house.acknowledge(again), house.waiting], [['open'], 1], 'b may have it, and is away');
    ofB.mayReceive = ofA.mayReceive;
    house.publish('more', 1, 't/open');
    await house.base.settle();
    assert.deepEqual([house.acknowledge(again), house.waiting], [['more'], 0]);
    assert.deepEqual(house.drops, ['secret not-authorized']);
  });

  test('what no member may receive does not wait', () => {
    const house = new GroupTestHouse();
    const a = house.member('a');
    a.session.state.subscription('$share/g/t/#')!.mayReceive = () => false;
    assert.equal(house.publish(), Matched);
    assert.deepEqual([house.waiting, house.drops], [0, ['1 no-member']]);
  });

  test('an expired message goes to nobody', async () => {
    const house = new GroupTestHouse();
    const a = house.member('a');
    house.base.release(a.session);
    house.publish('short', 1, 't/x', 10);
    house.publish('long', 1, 't/x', 100);
    house.base.clock.advance(20_000);
    const again = house.member('a');
    await house.base.settle();
    assert.deepEqual([house.acknowledge(again), house.drops], [['long'], ['short expired']]);
  });

  test('a topic stays with its member in a group with hash_topic, although others are idle', async () => {
    const house = new GroupTestHouse({ strategy: 'hash_topic' });
    const members = [house.member('a', 1), house.member('b', 1), house.member('c', 1)];
    for (let i = 0; i < 30; i += 1) house.publish(`${i % 5}:${i}`, 1, `t/${i % 5}`);
    const owners = new Map<string, Set<number>>();
    const got: string[][] = [[], [], []];
    for (let round = 0; round < 40; round += 1) {
      for (const [index, member] of members.entries()) {
        const { sent } = member.sink;
        if (sent.length === 0) continue;
        const payload = sent.shift()!;
        got[index].push(payload);
        const topic = payload.split(':')[0];
        owners.set(topic, (owners.get(topic) ?? new Set()).add(index));
        member.session.acknowledge(member.sink.packetIds.shift()!);
      }
    }
    await house.base.settle();
    assert.equal(got.flat().length, 30);
    assert.ok([...owners.values()].every(({ size }) => size === 1));
    for (const payloads of got) {
      for (let topic = 0; topic < 5; topic += 1) {
        const numbers = payloads.filter((payload) => payload.startsWith(`${topic}:`)).map((payload) => Number(payload.split(':')[1]));
        assert.deepEqual(
          numbers,
          numbers.toSorted((x, y) => x - y),
        );
      }
    }
  });

  for (const [messages, payloadBytes, leftMax] of [
    [2000, 4, 130],
    [100, 100 * 1024, 12],
  ]) {
    test(`a member that takes nothing any more does not hold the others up for good (${payloadBytes} bytes each)`, async () => {
      const house = new GroupTestHouse({ strategy: 'hash_topic' });
      const [stuck, other] = [house.member('stuck', 1), house.member('other', 1)];
      for (let i = 0; i < messages; i += 1) house.publish('x'.repeat(payloadBytes), 1, `t/${i}`);
      let got = 0;
      for (let round = 0; round < messages; round += 1) {
        if (other.sink.sent.shift() === undefined) await house.base.settle();
        else {
          got += 1;
          other.session.acknowledge(other.sink.packetIds.shift()!);
        }
      }
      assert.equal(stuck.sink.sent.length, 1);
      assert.ok(got >= messages - leftMax, `${got} of ${messages}`);
    });
  }
});

describe('the bounds of a group', () => {
  for (const [overflow, kept, dropped] of [
    ['drop-oldest', ['3', '4', '5'], ['1 queue-full', '2 queue-full']],
    ['drop-new', ['1', '2', '3'], ['4 queue-full', '5 queue-full']],
    ['reject', ['1', '2', '3'], []],
  ] as const) {
    test(`with ${overflow} a full queue keeps ${kept.join()}`, async () => {
      const house = new GroupTestHouse({ overflow, queueMessagesMax: 3 });
      house.base.release(house.member('a').session);
      const outcomes = Array.from({ length: 5 }, () => house.publish());
      assert.equal(outcomes[4], overflow === 'drop-oldest' ? Matched | Durable : overflow === 'drop-new' ? Matched : Refused);
      const a = house.member('a');
      await house.base.settle();
      assert.deepEqual([house.acknowledge(a), house.drops], [kept, dropped]);
    });
  }

  test('bytes are bounded too, and what was dropped leaves the disk', async () => {
    const house = new GroupTestHouse({ queueBytesMax: 500 });
    house.base.release(house.member('a').session);
    for (let i = 0; i < 300; i += 1) house.publish('x'.repeat(97));
    await house.base.settle();
    assert.equal(house.waiting, 5);
    assert.equal(house.base.counters.dropped['queue-full'], 295);
    assert.ok((await house.base.records()).queue <= 2);
  });

  test('a bound holds exactly, also where the oldest have to be read to be dropped', async () => {
    const house = new GroupTestHouse({ queueMessagesMax: 300 });
    house.base.release(house.member('a').session);
    for (let i = 0; i < 5; i += 1) {
      house.publishMany(200);
      await house.base.settle();
    }
    assert.equal(house.waiting, 300);
    assert.equal(house.drops[0], '1 queue-full');
    assert.equal(house.drops.length, 700);
  });

  test('a message that came for a full disk is refused and dropped, not those that wait', async () => {
    const house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(2);
    await house.base.settle();
    house.base.store.isFull = true;
    house.publish('refused');
    await house.base.committer.durable();
    assert.deepEqual(house.drops, ['refused store-full']);
    assert.equal(house.publish('at once'), Refused);
    house.base.store.isFull = false;
    house.base.clock.advance(250);
    const a = house.member('a');
    await house.base.settle();
    assert.deepEqual(house.acknowledge(a), ['1', '2']);
  });

  test('a QoS 2 message on its way from the group to a member survives a full disk', async () => {
    const house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(2, 2);
    await house.base.settle();
    house.base.store.isFull = true;
    const a = house.member('a');
    await turns(10);
    assert.deepEqual(a.sink.take(), [], 'its identifier is not on disk');
    house.base.store.isFull = false;
    house.base.clock.advance(250);
    await house.base.settle();
    assert.deepEqual([a.sink.take(), house.drops, house.base.drops], [['1', '2'], [], []]);
  });

  test('what comes back while the disk is full is kept', async () => {
    const house = new GroupTestHouse();
    const [a, b] = [house.member('a'), house.member('b', 1)];
    house.publishMany(2);
    await house.base.settle();
    house.base.store.isFull = true;
    house.base.release(a.session);
    await turns(5);
    house.base.clock.advance(5000);
    await turns(10);
    house.base.store.isFull = false;
    house.base.clock.advance(250);
    await house.base.settle();
    assert.deepEqual(house.acknowledge(b), ['2', '1']);
    assert.deepEqual([house.drops, house.base.drops], [[], []]);
  });
});

describe('a message that nobody finishes', () => {
  test('is given up after the deliveries that are allowed, and goes to the dead letters with the reason', async () => {
    const house = new GroupTestHouse({ deliveriesMax: 3, deadLetterTopic: 'dead' });
    const morgue = house.base.connect('morgue');
    house.subscribe(morgue.session, 'dead');
    house.publish('poison', 1, 't/x', 1000);
    assert.deepEqual(morgue.sink.take(), []);
    const group = new GroupTestHouse({ deliveriesMax: 3, deadLetterTopic: 'dead' });
    const reader = group.base.connect('reader');
    group.subscribe(reader.session, 'dead');
    for (let delivery = 1; delivery <= 3; delivery += 1) {
      const a = group.member('a');
      if (delivery === 1) group.publish('poison', 1, 't/x', 1000);
      await group.base.settle();
      assert.deepEqual(a.sink.take(), [delivery === 1 ? 'poison' : delivery === 2 ? 'dup:poison' : 'poison']);
      group.base.release(a.session);
      if (delivery === 2) await stayAway(group);
    }
    await group.base.settle();
    const letter = reader.sink.deliveries[0].message;
    assert.deepEqual([letter.topic, letter.payload.toString(), letter.qos], ['dead', 'poison', 1]);
    assert.deepEqual(letter.properties, {
      userProperties: [
        ['dead-letter-reason', 'deliveries'],
        ['dead-letter-group', 'g'],
        ['dead-letter-topic', 't/x'],
        ['dead-letter-deliveries', '3'],
      ],
    });
    assert.deepEqual([group.waiting, group.share.statistics(0).deadLettered, group.base.counters.groupDeadLettered], [0, 1, 1]);
    const a = group.member('a');
    await group.base.settle();
    assert.deepEqual([a.sink.take(), a.session.unfinished], [[], 0]);
  });

  test('is dropped and counted without a dead-letter topic, or when it is a dead letter', async () => {
    for (const deadLetterTopic of [null, 't/x']) {
      const house = new GroupTestHouse({ deliveriesMax: 1, deadLetterTopic });
      const a = house.member('a');
      house.publish('poison');
      house.base.release(a.session);
      await house.base.settle();
      assert.deepEqual([house.drops, house.waiting, a.session.unfinished], [['poison undeliverable'], 0, 0]);
    }
  });

  test('is counted over a restart, with its member and in the queue', async () => {
    let house = new GroupTestHouse({ deliveriesMax: 3 });
    house.base.release(house.member('b').session);
    let a = house.member('a');
    house.publish('poison');
    await house.base.settle();
    house.base.release(a.session);
    await house.base.settle();
    house = await house.restart();
    await stayAway(house);
    assert.equal(house.waiting, 1, 'one delivery failed');
    house = await house.restart();
    a = house.member('a');
    await house.base.settle();
    assert.deepEqual(a.sink.take(), ['poison']);
    house.base.release(a.session);
    await stayAway(house);
    house = await house.restart();
    a = house.member('a');
    await house.base.settle();
    house.base.release(a.session);
    assert.deepEqual(house.drops, ['poison undeliverable']);
  });

  test('a group may have limits of its own', async () => {
    const house = new GroupTestHouse({ groups: { g: { deliveriesMax: 1, deadLetterTopic: 'own' } } });
    const reader = house.base.connect('reader');
    house.subscribe(reader.session, 'own');
    const a = house.member('a');
    house.publish('poison');
    house.base.release(a.session);
    assert.deepEqual(reader.sink.take(), ['poison']);
  });
});

describe('after a restart', () => {
  test('what waited waits, in order, and a member that was connected may come back for what it had', async () => {
    let house = new GroupTestHouse();
    const a = house.member('a', 2);
    house.member('b', 1);
    house.publishMany(150);
    await house.base.settle();
    assert.deepEqual(a.sink.take(), ['1', '3']);
    house = await house.restart();
    assert.equal(house.waiting, 147);
    const again = house.member('a', 2);
    await house.base.settle();
    assert.deepEqual(again.sink.sent, ['dup:1', 'dup:3']);
    const got: string[] = [];
    for (let round = 0; round < 100; round += 1) {
      got.push(...house.acknowledge(again));
      await house.base.settle();
    }
    assert.deepEqual(got, ['dup:1', 'dup:3', ...numbered('', 4, 150)]);
  });

  test('what a member had that does not come back goes to the others', async () => {
    let house = new GroupTestHouse();
    const [a] = [house.member('a'), house.member('b')];
    house.publishMany(4);
    await house.base.settle();
    assert.deepEqual(a.sink.take(), ['1', '3']);
    house = await house.restart();
    const b = house.member('b');
    await stayAway(house);
    assert.deepEqual(house.acknowledge(b), ['dup:2', 'dup:4', '1', '3']);
    house.member('a');
    await house.base.settle();
    assert.equal(house.waiting, 0);
  });

  test('what a session held that has ended goes on, although the broker dies before it is read', async () => {
    let house = new GroupTestHouse();
    const a = house.member('a');
    house.base.release(house.member('b').session);
    house.publishMany(4);
    await house.base.settle();
    assert.deepEqual(a.sink.take(), numbered('', 1, 4));
    house = await house.restart();
    const { store, sessions } = house.base;
    store.isHeld = true;
    store.readTurns = 20;
    sessions.get('a')!.end();
    while (store.held.length === 0) await turns(1);
    await store.land();
    assert.equal(house.waiting, 0, 'nothing has been read');
    house = await house.restart();
    assert.equal(house.base.sessions.get('a'), undefined);
    await house.base.settle();
    assert.deepEqual(house.acknowledge(house.member('b')), numbered('', 1, 4));
    await house.base.settle();
    assert.deepEqual(await house.base.records(), { session: 2, queue: 0, log: 0 });
  });

  test('what a member took from the queue and acknowledged is not in the queue again', async () => {
    let house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(10);
    await house.base.settle();
    const a = house.member('a', 4);
    await house.base.settle();
    house.base.release(a.session);
    await house.base.settle();
    house = await house.restart();
    assert.equal(house.waiting, 6);
  });

  test('a group without members is gone', async () => {
    let house = new GroupTestHouse();
    const a = house.member('a');
    house.base.release(a.session);
    house.publishMany(10);
    await house.base.settle();
    house.unsubscribe(a.session, '$share/g/t/#');
    await house.base.settle();
    house = await house.restart();
    assert.deepEqual([...house.queues], []);
    assert.deepEqual(await house.base.records(), { session: 1, queue: 0, log: 0 });
  });

  test('the lag is told: how long the oldest message has been waiting', async () => {
    let house = new GroupTestHouse();
    house.base.release(house.member('a').session);
    house.publishMany(1);
    house.base.clock.advance(60_000);
    house.publishMany(1);
    await house.base.settle();
    const lag = (): number | null => house.share.statistics(house.base.clock.wallMs()).oldestWaitingMs;
    assert.equal(lag(), 60_000);
    house = await house.restart();
    house.base.clock.advance(1000);
    lag();
    await house.base.settle();
    assert.equal(lag(), 61_000);
    const a = house.member('a', 1);
    await house.base.settle();
    assert.equal(lag(), 1000);
    house.acknowledge(a);
    await house.base.settle();
    assert.equal(lag(), null);
  });
});
