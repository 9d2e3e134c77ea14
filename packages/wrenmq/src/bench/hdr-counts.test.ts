import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HdrCounts } from './hdr-counts.ts';

const HOUR = 3600 * 1e9;
const values = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2 ** 40 }), fc.constantFrom(2047, 2048, 2049, 2 ** 32, HOUR)),
  { minLength: 1, maxLength: 100 },
);

function counted(all: readonly number[]): HdrCounts {
  const counts = new HdrCounts();
  for (const value of all) counts.record(value);
  return counts;
}

const shown = (counts: HdrCounts): readonly number[] => [counts.total, ...[1, 25, 50, 75, 99, 100].map((p) => counts.percentile(p))];

test('a percentile is the largest value that cannot be told from the one that holds it, exact to a thousandth', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), (all, percent) => {
      const exact = all.toSorted((a, b) => a - b)[Math.max(1, Math.floor((percent / 100) * all.length + 0.5)) - 1];
      const told = counted(all).percentile(percent);
      assert.ok(told >= exact && told <= exact * 1.001, `${told} for ${exact}`);
      if (exact < 2048) assert.equal(told, exact);
    }),
    { seed: 20_261_121 },
  );
});

test('counts that are added, as they are or encoded, are those of all values', () => {
  fc.assert(
    fc.property(values, values, (one, other) => {
      const added = counted(one);
      added.add(counted(other));
      const decoded = counted(one);
      decoded.addEncoded(counted(other).encode());
      const all = counted([...one, ...other]);
      assert.deepEqual([shown(added), shown(decoded)], [shown(all), shown(all)]);
      assert.deepEqual(added.encode(), all.encode());
      added.reset();
      assert.deepEqual(added.encode(), new HdrCounts().encode());
    }),
    { seed: 20_261_121 },
  );
});

// Encoded by HdrHistogram 2.1.11 for Java, of the same values between the same bounds.
const ENCODED: readonly (readonly [values: readonly number[], hex: string])[] = [
  [[5], '1c84931300000002000000000000000300000000000000010000034630b8a0003ff00000000000000902'],
  [[1, 3, 3, 3000, HOUR], '1c8493130000000b000000000000000300000000000000010000034630b8a0003ff000000000000000020004af2702dde20302'],
  [
    [2047, 2048, 2049, 1e6, 2 ** 32, 2 ** 33 + 7, 12_345_678_901],
    '1c84931300000012000000000000000300000000000000010000034630b8a0003ff0000000000000fd1f0204bf8e0102bbc10102fd0f02fb0602',
  ],
];

for (const [all, hex] of ENCODED)
  test(`${all.join(', ')} are encoded as HdrHistogram does`, () => assert.equal(Buffer.from(counted(all).encode()).toString('hex'), hex));
