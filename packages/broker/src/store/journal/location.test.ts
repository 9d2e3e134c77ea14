import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesOf, offsetOf, packLocation, segmentOf, SEGMENTS_MAX } from './location.ts';

test('a location gives back segment and offset exactly, and the size rounded up by less than 7 %', () => {
  const segment = fc.integer({ min: 1, max: 100_000 });
  const offset = fc.integer({ min: 0, max: 2 ** 29 - 1 });
  const bytes = fc.oneof(fc.integer({ min: 16, max: 5000 }), fc.integer({ min: 16, max: 2 ** 29 + 1024 }));
  fc.assert(
    fc.property(segment, offset, bytes, (number, units, size) => {
      const location = packLocation(number, units * 8, size);
      assert.ok(Number.isSafeInteger(location));
      assert.equal(segmentOf(location), number % SEGMENTS_MAX);
      assert.equal(offsetOf(location), units * 8);
      assert.ok(bytesOf(location) >= size);
      assert.ok(bytesOf(location) < (size + 8) * 1.07);
    }),
    { numRuns: 2000, seed: 20261121 },
  );
});
