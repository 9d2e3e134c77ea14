import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch } from '#store/store.ts';
import { TestHouse } from './test-house.ts';

test('a will that is due at start reaches a session that is loaded after its own, behind what waits there', async () => {
  const before = new TestHouse();
  before.connect('dies', { will: before.will('gone') });
  const { session } = before.connect('reads');
  before.release(session);
  before.offer(session, 'waits');
  await before.settle();
  before.kill();
  const house = new TestHouse({}, before.store.disk, before.clock);
  house.events.onWill = async (_session, will) => {
    house.offer(house.sessions.get('reads')!, will.payload.toString());
  };
  await house.load();
  const { sink } = house.connect('reads');
  await house.settle();
  assert.deepEqual(sink.sent, ['waits', 'gone']);
});

test('a session that was away at the start is as it was, whoever asks first', async () => {
  const before = new TestHouse();
  const { session } = before.connect('reads', { expiryInterval: 60 });
  for (const text of ['a', 'b', 'c']) before.subscribe(session, text);
  before.release(session);
  await before.settle();
  const { createdAtMs, principal, owner } = session.state;
  const texts = (held: Iterable<{ text: string }>): string[] => Array.from(held, ({ text }) => text);

  const house = await before.restart();
  const back = house.sessions.get('reads')!;
  assert.deepEqual(texts(back.subscriptions()), ['a', 'b', 'c']);
  house.offer(back, 'waits');
  await house.settle();
  assert.deepEqual([back.isDurable, back.waiting, back.isConnected], [true, 1, false]);
  assert.deepEqual([back.state.createdAtMs, back.state.principal, back.state.owner], [createdAtMs, principal, owner]);
  assert.deepEqual([texts(back.subscriptions()), back.state.subscription('b')?.session], [['a', 'b', 'c'], back]);
  assert.equal(back.state.takeSubscriptionNumber(), 4);

  const again = await house.restart();
  const { sink } = again.connect('reads');
  await again.settle();
  assert.deepEqual(sink.sent, ['waits']);
});

test('a session that nobody asks for ends when its time has come', async () => {
  const before = new TestHouse();
  const { session } = before.connect('gone', { expiryInterval: 60 });
  before.subscribe(session, 'a');
  before.release(session);
  await before.settle();
  const house = await before.restart();
  house.clock.advance(59_000);
  assert.equal(house.sessions.size, 1);
  house.clock.advance(2000);
  await house.settle();
  assert.equal(house.sessions.size, 0);
  assert.deepEqual(await house.records(), { session: 0, queue: 0, log: 0 });
});

test('a session whose own record is damaged takes the others with it, and nobody inherits its number', async () => {
  const before = new TestHouse();
  const sound = before.connect('sound').session;
  const lost = before.connect('lost').session;
  before.subscribe(lost, 'a');
  before.release(lost);
  before.offer(lost, 'nobody gets it');
  await before.settle();
  const damage = new Batch();
  damage.delete('session', Buffer.from([0, 0, 0, lost.number, 0]));
  await before.store.disk.commit(damage);
  const house = await before.restart();
  await house.settle();
  assert.deepEqual([house.sessions.size, house.subscriptions.length], [1, 0]);
  assert.equal(house.sessions.get('sound')?.number, sound.number);
  assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  assert.equal(house.connect('next').session.number, lost.number + 1);
});

test('where a subscription stands in the history survives with the deliveries that brought it there', async () => {
  const before = new TestHouse();
  const { session } = before.connect('reads');
  const subscription = before.subscribe(session, 't');
  before.release(session);
  for (const from of [5, 9]) {
    before.offer(session, `before ${from}`);
    session.state.moveSubscription(subscription, { from, fromMs: 17, last: { count: 3, topic: 't', offset: 4 } });
  }
  await before.settle();
  // None of this reaches the disk.
  before.store.isDead = true;
  before.offer(session, 'before 20');
  session.state.moveSubscription(subscription, { from: 20 });
  const after = await before.restart();
  assert.deepEqual(after.subscriptions[0].catchUp, { from: 9, fromMs: 17, last: { count: 3, topic: 't', offset: 4 } });
  const { sink } = after.connect('reads');
  await after.settle();
  assert.deepEqual(sink.sent, ['before 5', 'before 9']);
  after.subscriptions[0].session.state.moveSubscription(after.subscriptions[0], null);
  await after.settle();
  assert.equal((await after.restart()).subscriptions[0].catchUp, null);
});

test('a subscription that has ended meanwhile is not written again', async () => {
  const before = new TestHouse();
  const { session } = before.connect('reads');
  const subscription = before.subscribe(session, 't');
  await before.settle();
  session.state.removeSubscription('t');
  session.state.moveSubscription(subscription, { from: 5 });
  await before.settle();
  assert.equal((await before.restart()).subscriptions.length, 0);
});
