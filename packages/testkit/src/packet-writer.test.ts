import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subscribeBytes, unsubscribeBytes } from './packet-writer.ts';

test('a packet may have as many parts as fit into its length', () => {
  const filters = Array.from({ length: 200_000 }, (_, i) => `filter/${i}`);
  const characters = filters.join('').length;
  const subscribe = subscribeBytes(
    5,
    1,
    filters.map((filter) => ({ filter })),
  );
  assert.equal(subscribe.length, 1 + 4 + 2 + 1 + characters + filters.length * 3);
  assert.equal(unsubscribeBytes(4, 1, filters).length, 1 + 4 + 2 + characters + filters.length * 2);
});
