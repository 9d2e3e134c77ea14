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
