import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isWhole, NameRing, shownName } from './name-ring.ts';

const BYTES = 4096;

test('names come back in their parts, until they are overwritten', () => {
  const ring = new NameRing(BYTES);
  const place = ring.write('a/b', 'é', '');
  assert.deepEqual(ring.read(place), ['a/b', 'é', '']);
  for (let i = 0; i < 50; i += 1) ring.write('x'.repeat(100));
  assert.equal(ring.read(place), null);
});

test('of a name that is too long only the beginning is kept, and it says so', () => {
  const ring = new NameRing(BYTES);
  const parts = ring.read(ring.write('y'.repeat(5000), 'short'))!;
  assert.equal(isWhole(parts[0]), false);
  assert.equal(shownName(parts[0]), `${'y'.repeat(100)}…`);
  assert.equal(parts[1], 'short');
  assert.ok(isWhole(parts[1]));
});

test('whatever is written, what comes back is what was written or nothing, and the newest is always there', () => {
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '/', '€', '𝄞'), maxLength: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(names, (written) => {
      const ring = new NameRing(BYTES);
      const places = written.map((name) => ring.write(name));
      let isKnown = true;
      for (const [index, name] of [...written.entries()].toReversed()) {
        const parts = ring.read(places[index]);
        // What is older than something forgotten is forgotten, too.
        assert.ok(isKnown || parts === null);
        isKnown = parts !== null;
        if (parts === null) continue;
        const wanted = Buffer.byteLength(name) > 1024 ? shownName(parts[0]).slice(0, -1) : parts[0];
        assert.ok(name.startsWith(wanted));
      }
      assert.notEqual(ring.read(places.at(-1)!), null);
    }),
  );
});
