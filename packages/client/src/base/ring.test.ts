import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ring } from './ring.ts';

test('a ring is an array without moving', () => {
  const steps = fc.array(fc.oneof(fc.integer(), fc.constant('shift' as const), fc.constant('takeFirst' as const)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (chosen) => {
      const ring = new Ring<number>();
      const model: number[] = [];
      const isOdd = (value: number): boolean => value % 2 !== 0;
      for (const step of chosen) {
        if (typeof step === 'number') {
          ring.push(step);
          model.push(step);
        } else if (step === 'shift') {
          assert.equal(ring.shift(), model.shift());
        } else {
          const index = model.findIndex(isOdd);
          assert.equal(ring.takeFirst(isOdd), index < 0 ? undefined : model.splice(index, 1)[0]);
        }
        assert.equal(ring.length, model.length);
      }
      while (model.length > 0) assert.equal(ring.shift(), model.shift());
      assert.equal(ring.shift(), undefined);
    }),
    { seed: 3 },
  );
});
