import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SortedTable } from './sorted-table.ts';

test('a sorted table behaves like a sorted map, through splits and merges of its blocks', () => {
  const operation = fc.record({ key: fc.integer({ min: 0, max: 2000 }), count: fc.integer({ min: 1, max: 300 }), isDelete: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 40 }),
      fc.integer({ min: 0, max: 2300 }),
      fc.integer({ min: 0, max: 2300 }),
      (operations, a, b) => {
        const table = new SortedTable<number>();
        const model = new Map<string, number>();
        for (const { key, count, isDelete } of operations) {
          for (let i = key; i < key + count; i += 1) {
            const before = isDelete ? table.delete(keyOf(i)) : table.set(keyOf(i), i);
            assert.equal(before, model.get(keyOf(i)));
            if (isDelete) model.delete(keyOf(i));
            else model.set(keyOf(i), i);
          }
        }
        assert.equal(table.size, model.size);
        const keys = [...model.keys()].sort();
        const [from, to] = [keyOf(a), keyOf(b)];
        const inRange = keys.filter((key) => key >= from && key < to);
        assert.deepEqual(walk(table, null, null, false), keys);
        assert.deepEqual(walk(table, null, null, true), keys.toReversed());
        assert.deepEqual(walk(table, from, to, false), inRange);
        assert.deepEqual(walk(table, from, to, true), inRange.toReversed());
        assert.equal(table.count({ from, to, isReverse: false }), inRange.length);
        assert.equal(table.count({ from: null, to, isReverse: false }), keys.filter((key) => key < to).length);
        assert.equal(table.count({ from, to: null, isReverse: false }), keys.filter((key) => key >= from).length);
        assert.equal(table.get(from), model.get(from));
      },
    ),
    { numRuns: 60, seed: 20261121 },
  );
});

test('a walk ends when its visitor has seen enough', () => {
  const table = new SortedTable<number>();
  for (let i = 0; i < 1000; i += 1) table.set(keyOf(i), i);
  const seen: number[] = [];
  table.walk({ from: keyOf(500), to: null, isReverse: false }, (_, value) => seen.push(value) < 3);
  assert.deepEqual(seen, [500, 501, 502]);
});

function keyOf(i: number): string {
  return String(i).padStart(5, '0');
}

function walk(table: SortedTable<number>, from: string | null, to: string | null, isReverse: boolean): string[] {
  const keys: string[] = [];
  table.walk({ from, to, isReverse }, (key, value) => {
    assert.equal(keyOf(value), key);
    keys.push(key);
    return true;
  });
  return keys;
}
