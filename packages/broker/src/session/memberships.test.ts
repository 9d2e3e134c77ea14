import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Redelivery } from '#message/delivery.ts';
import { Memberships } from './memberships.ts';
import type { Subscription } from './subscription.ts';

test('groups and the numbers of a session for them are found by each other, other subscriptions are none', () => {
  const groups: Redelivery[] = [1, 2].map(() => ({ redeliver: () => false, lost: () => false }));
  const subscriptions = [{ number: 7 }, { number: 8 }, { number: 9 }] as unknown as Subscription[];
  const memberships = new Memberships(subscriptions, ({ number }) => (number === 8 ? null : groups[number === 7 ? 0 : 1]));
  assert.deepEqual(
    groups.map((group) => memberships.numberOf(group)),
    [7, 9],
  );
  assert.deepEqual(
    [7, 8, 9, 0].map((number) => memberships.groupOf(number)),
    [groups[0], null, groups[1], null],
  );
  assert.equal(memberships.numberOf({ redeliver: () => false, lost: () => false }), 0);
});
