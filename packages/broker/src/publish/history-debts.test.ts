import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestHouse } from '#session/test-house.ts';
import { HistoryDebts } from './history-debts.ts';

test('what a reader is owed is written with the open batch, whether or not a session needs it, and let go then', async () => {
  const house = new TestHouse();
  const debts = new HistoryDebts(house.log, house.committer);
  const [first, second] = [house.message('1'), house.message('2')];
  debts.add(first);
  debts.add(second);
  assert.deepEqual([first.readers, first.isHeld], [1, true]);
  assert.equal(await house.committer.durable(), null);
  assert.deepEqual([first.readers, second.readers], [0, 0]);
  assert.ok(first.recordBase > 0, 'it was written');
  await house.settle();
  assert.deepEqual(await house.records(), { session: 0, queue: 0, log: 0 }, 'and nobody holds it');
});

test('a message of a session that is owed to a reader, too, stays for the session', async () => {
  const house = new TestHouse();
  const debts = new HistoryDebts(house.log, house.committer);
  const { session } = house.attach('c');
  const { message } = house.offer(session, 'm');
  debts.add(message);
  await house.settle();
  assert.equal(message.readers, 1);
  debts.add(house.message('other'));
  await house.settle();
  assert.equal((await house.records()).log, 1);
});
