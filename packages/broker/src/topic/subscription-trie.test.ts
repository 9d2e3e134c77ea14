import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SubscriptionTrie } from './subscription-trie.ts';
import { matches } from './topic-filter.ts';

function matched<T extends object | string | number>(trie: SubscriptionTrie<T>, topic: string): T[] {
  const out: T[] = [];
  trie.match(topic, out);
  return out;
}

function inOrder(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

const level = fc.constantFrom('', 'a', 'b', '$s', 'long level name');
const topicName = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '');
const topicFilter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, hasHash]) => [...levels, ...(hasHash ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '');

test('after any adds and removes the trie matches what every filter by itself matches', () => {
  const step = fc.record({ isAdd: fc.boolean(), filter: topicFilter, value: fc.integer({ min: 0, max: 5 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.array(topicName, { minLength: 1, maxLength: 12 }), (steps, topics) => {
      const trie = new SubscriptionTrie<number>();
      const model = new Map<string, Set<number>>();
      for (const { isAdd, filter, value } of steps) {
        const values = model.get(filter) ?? new Set();
        if (isAdd) {
          assert.equal(trie.add(filter, value), !values.has(value));
          model.set(filter, values.add(value));
        } else {
          assert.equal(trie.remove(filter, value), values.delete(value));
          if (values.size === 0) model.delete(filter);
        }
      }
      assert.equal(trie.filters, model.size);
      assert.equal(
        trie.size,
        [...model.values()].reduce((sum, values) => sum + values.size, 0),
      );
      for (const topic of topics) {
        const expected = [...model].filter(([filter]) => matches(filter, topic)).flatMap(([, values]) => [...values]);
        assert.deepEqual(inOrder(matched(trie, topic)), inOrder(expected), topic);
      }
    }),
  );
});

test('many filters live in one table, and all are found while it grows and shrinks', () => {
  const trie = new SubscriptionTrie<number>();
  const count = 5_000;
  for (let index = 0; index < count; index += 1) assert.equal(trie.add(`site/${index % 70}/+/${index}/temp/#`, index), true);
  assert.equal(trie.size, count);
  for (let index = 0; index < count; index += 1) assert.deepEqual(matched(trie, `site/${index % 70}/x/${index}/temp`), [index]);
  for (let index = 0; index < count; index += 2) assert.equal(trie.remove(`site/${index % 70}/+/${index}/temp/#`, index), true);
  for (let index = 0; index < count; index += 1) {
    assert.deepEqual(matched(trie, `site/${index % 70}/x/${index}/temp/y`), index % 2 === 0 ? [] : [index]);
  }
  for (let index = 1; index < count; index += 2) assert.equal(trie.remove(`site/${index % 70}/+/${index}/temp/#`, index), true);
  assert.equal(trie.size, 0);
  assert.equal(trie.filters, 0);
});

test('a filter with many values finds, refuses and removes each of them', () => {
  for (const filter of ['a/b', 'a/+', 'a/#']) {
    const trie = new SubscriptionTrie<number>();
    for (let value = 0; value < 1_000; value += 1) assert.equal(trie.add(filter, value), true);
    assert.equal(trie.add(filter, 17), false);
    assert.deepEqual(
      inOrder(matched(trie, 'a/b')),
      Array.from({ length: 1_000 }, (_, value) => value),
    );
    for (let value = 999; value >= 1; value -= 1) assert.equal(trie.remove(filter, (value * 7) % 1_000), true);
    assert.deepEqual(matched(trie, 'a/b'), [0]);
    assert.equal(trie.remove(filter, 1), false);
    assert.equal(trie.remove(filter, 0), true);
    assert.equal(trie.filters, 0);
  }
});

test('the values of overlapping filters come once for each filter', () => {
  const trie = new SubscriptionTrie<string>();
  for (const filter of ['a/b', 'a/+', '+/b', '#', 'a/b/#', 'a/#', '+/+', '+']) trie.add(filter, filter);
  assert.deepEqual(matched(trie, 'a/b').sort(), ['#', '+/+', '+/b', 'a/#', 'a/+', 'a/b', 'a/b/#']);
});

test('leading wildcards do not reach a tree whose name starts with a dollar sign [MQTT-4.7.2-1]', () => {
  const trie = new SubscriptionTrie<string>();
  for (const filter of ['#', '+/x', '+/#', '$SYS/#', '$SYS/+', '$SYS/x']) trie.add(filter, filter);
  assert.deepEqual(matched(trie, '$SYS/x').sort(), ['$SYS/#', '$SYS/+', '$SYS/x']);
});

test('a topic with more levels than any filter is matched', () => {
  const trie = new SubscriptionTrie<string>();
  for (const filter of ['#', 'a/#', `${'+/'.repeat(50)}+`]) trie.add(filter, filter);
  assert.deepEqual(matched(trie, `a${'/a'.repeat(5_000)}`).sort(), ['#', 'a/#']);
  assert.equal(matched(trie, `a${'/a'.repeat(50)}`).length, 3);
});
