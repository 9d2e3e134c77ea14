import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numbered, TestHouse, turns } from './test-house.ts';

/** Room again: the next try, which the committer makes by itself, goes well. */
async function makeRoom(house: TestHouse): Promise<void> {
  house.store.isFull = false;
  house.clock.advance(250);
  await house.settle();
}

describe('when the disk is full', () => {
  test('what waits and was refused is dropped, what waits from before stays (D5)', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.release(session);
    house.offer(session, 'before');
    await house.settle();
    house.store.isFull = true;
    for (const payload of numbered('refused', 1, 3)) house.offer(session, payload);
    await turns(4);
    assert.deepEqual(house.dropsFor('store-full'), numbered('refused', 1, 3));
    assert.equal(house.counters.dropped['store-full'], 3);
    assert.equal(session.waiting, 1);
    await makeRoom(house);
    const { sink } = house.connect('c');
    await house.settle();
    assert.deepEqual(sink.sent, ['before']);
    session.acknowledge(1);
    await house.settle();
    assert.deepEqual([session.queuedBytes, await house.records()], [0, { session: 1, queue: 0, log: 0 }]);
  });

  test('what was sent stays and is written by a later commit', async () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c');
    await house.settle();
    house.store.isFull = true;
    house.offer(session, 'sent');
    await turns(4);
    assert.deepEqual([sink.sent, house.drops, session.inflight.size], [['sent'], [], 1]);
    await makeRoom(house);
    const next = await house.restart();
    const again = next.connect('c');
    await next.settle();
    assert.deepEqual(again.sink.sent, ['dup:sent']);
  });

  test('a new QoS 2 delivery that waits for its record is dropped, one that was stored waits on, in its place', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.release(session);
    house.offer(session, 'stored', 2);
    await house.settle();
    house.store.isHeld = true;
    const { sink } = house.connect('c');
    await turns(3);
    house.offer(session, 'new', 2);
    await turns(3);
    assert.deepEqual(sink.sent, []);
    // The batch with the identifier of `stored` is refused while `new` waits for the next one.
    house.store.refuse();
    await turns(3);
    house.store.isHeld = false;
    await makeRoom(house);
    assert.deepEqual(sink.sent, ['stored', 'new']);

    house.store.isFull = true;
    house.offer(session, 'refused', 2);
    await turns(4);
    assert.deepEqual(house.dropsFor('store-full'), ['refused']);
    assert.equal(session.inflight.size, 2);
  });

  test('PUBREL waits until the disk has what it tells', async () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c');
    house.offer(session, 'q2', 2);
    await house.settle();
    house.store.isFull = true;
    session.receive(1, false);
    await turns(4);
    assert.deepEqual(sink.sent, ['q2']);
    await makeRoom(house);
    assert.deepEqual(sink.sent, ['q2', 'release 1']);
    const next = await house.restart();
    const again = next.connect('c');
    await next.settle();
    assert.deepEqual(again.sink.sent, ['release 1']);
  });

  test('nothing that was read back from disk is lost', async () => {
    const before = new TestHouse();
    const first = before.connect('c').session;
    before.release(first);
    for (const payload of numbered('m', 1, 10)) before.offer(first, payload, 2);
    await before.settle();
    const house = await before.restart({ inflightMax: 3 });
    house.store.isFull = true;
    const { session, sink } = house.connect('c');
    await turns(8);
    assert.deepEqual([sink.sent, house.drops], [[], []]);
    await makeRoom(house);
    for (let packetId = 1; packetId <= 10; packetId += 1) {
      session.receive(packetId, false);
      await house.settle();
      session.complete(packetId);
      await house.settle();
    }
    assert.deepEqual(
      sink.sent.filter((packet) => packet.startsWith('m')),
      numbered('m', 1, 10),
    );
  });

  test('what is freed meanwhile is freed once there is room', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    for (const payload of numbered('m', 1, 100)) house.offer(session, payload);
    await house.settle();
    assert.ok((await house.records()).log > 0);
    house.store.isFull = true;
    for (let packetId = 1; packetId <= 100; packetId += 1) session.acknowledge(packetId);
    await turns(4);
    house.clock.advance(250);
    await turns(4);
    await makeRoom(house);
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  });

  test('sessions, subscriptions, incoming identifiers and wills are written by a later commit', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.subscribe(session, 'gone');
    await house.settle();
    house.store.isFull = true;
    house.connect('new', { will: house.will('w', 60) });
    const created = house.sessions.get('new')!;
    house.subscribe(created, 'a');
    session.state.removeSubscription('gone');
    session.state.addIncoming(7);
    await turns(4);
    house.subscribe(created, 'b');
    created.state.removeSubscription('a');
    session.state.removeIncoming(7);
    session.state.addIncoming(8);
    assert.equal((await house.records()).session, 2);
    await makeRoom(house);
    const next = await house.restart();
    assert.deepEqual(
      next.subscriptions.map(({ text, session: { clientId } }) => `${clientId} ${text}`),
      ['new b'],
    );
    const restored = next.sessions.get('c')!;
    assert.deepEqual([restored.state.hasIncoming(7), restored.state.hasIncoming(8)], [false, true]);
    assert.equal(next.sessions.get('new')!.will?.message.payload.toString(), 'w');
  });

  test('what changed while a commit was refused counts, not what that held', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    await house.settle();
    house.store.isHeld = true;
    house.subscribe(session, 'a');
    session.state.addIncoming(1);
    await turns(3);
    session.state.removeSubscription('a');
    session.state.addIncoming(2);
    session.state.removeIncoming(1);
    house.store.refuse();
    await turns(3);
    house.store.isHeld = false;
    await makeRoom(house);
    const next = await house.restart();
    const { state } = next.sessions.get('c')!;
    assert.deepEqual([state.subscriptionCount, state.hasIncoming(1), state.hasIncoming(2)], [0, false, true]);
  });

  test('an incoming identifier of a refused commit is written by a later one', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    await house.settle();
    house.store.isFull = true;
    session.state.addIncoming(1);
    await turns(4);
    await makeRoom(house);
    assert.equal((await house.restart()).sessions.get('c')!.state.hasIncoming(1), true);
  });

  test('the end of a session is written by a later commit', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { will: house.will('w') });
    house.subscribe(session, 'a');
    session.state.addIncoming(1);
    for (const payload of numbered('m', 1, 5)) house.offer(session, payload);
    await house.settle();
    house.store.isFull = true;
    house.release(session);
    session.end();
    await turns(4);
    house.clock.advance(250);
    await turns(4);
    await makeRoom(house);
    assert.deepEqual(await house.records(), { session: 0, queue: 0, log: 0 });
  });
});
