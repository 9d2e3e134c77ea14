import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HASH_POOL_FULL, HashPool } from './hash-pool.ts';
import type { PasswordHash } from './password-hash.ts';
import { parsePasswordHash } from './password-hash.ts';
import { PasswordVerifier } from './password-verifier.ts';

const stored = parsePasswordHash(
  '$7$101$lpK0SETlOI4Cc8VH$uEPcvNWmoGDs/zX8ixKzv60VzVH+6/oxDhg+Qwj9ufW6xU8ROiLKENR6jFxblteseJgYdqfnvyhKoeZocHDsLA==',
) as PasswordHash;
const right = Buffer.from('secret');
const wrong = Buffer.from('Secret');

/** Counts what really runs. */
class CountingPool extends HashPool {
  runs = 0;

  override run<T>(task: () => Promise<T>): Promise<T> {
    this.runs += 1;
    return super.run(task);
  }
}

test('the pool runs a bounded number at once, queues a bounded number, and refuses the rest', async () => {
  const pool = new HashPool(2, 3);
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  const results = gates.map(({ promise }, index) =>
    pool.run(async () => {
      running += 1;
      most = Math.max(most, running);
      await promise;
      running -= 1;
      return index;
    }),
  );
  await assert.rejects(
    pool.run(() => Promise.resolve(9)),
    { code: HASH_POOL_FULL, retryable: true },
  );
  for (const gate of gates) gate.resolve();
  assert.deepEqual(await Promise.all(results), [0, 1, 2, 3, 4]);
  assert.equal(most, 2);
  assert.equal(await pool.run(() => Promise.resolve(9)), 9);
});

test('a task that fails gives its place back', async () => {
  const pool = new HashPool(1, 1);
  await assert.rejects(
    pool.run(() => Promise.reject(new Error('broken'))),
    /broken/,
  );
  assert.equal(await pool.run(() => Promise.resolve('next')), 'next');
});

test('a password that was right is not hashed again, a wrong one is', async () => {
  const pool = new CountingPool(2, 10);
  const verifier = new PasswordVerifier(pool, 10);
  assert.equal(await verifier.verify(stored, right), true);
  assert.equal(await verifier.verify(stored, right), true);
  assert.equal(pool.runs, 1);
  assert.equal(await verifier.verify(stored, wrong), false);
  assert.equal(await verifier.verify(stored, wrong), false);
  assert.equal(pool.runs, 3);
  verifier.forget();
  assert.equal(await verifier.verify(stored, right), true);
  assert.equal(pool.runs, 4);
});

test('a success for one stored hash says nothing about another', async () => {
  const pool = new CountingPool(2, 10);
  const verifier = new PasswordVerifier(pool, 10);
  assert.equal(await verifier.verify(stored, right), true);
  const other = { ...stored, hash: Buffer.alloc(64, 1) };
  assert.equal(await verifier.verify(other, right), false);
});

test('a storm with one password is one run, and a full pool lets no attempt wait', async () => {
  const pool = new CountingPool(1, 0);
  const verifier = new PasswordVerifier(pool, 10);
  const storm = Array.from({ length: 1000 }, () => verifier.verify(stored, right));
  await assert.rejects(verifier.verify(stored, wrong), { code: HASH_POOL_FULL });
  assert.ok((await Promise.all(storm)).every((isRight) => isRight));
  assert.equal(pool.runs, 2);
});

test('the successes that are remembered are bounded: the one unused longest is forgotten', async () => {
  const pool = new CountingPool(1, 10);
  const verifier = new PasswordVerifier(pool, 2);
  const others = [1, 2].map((value) => ({ ...stored, salt: Buffer.from([value]) }));
  const { pbkdf2Sync } = await import('node:crypto');
  const hashes = [stored, ...others.map((hash) => ({ ...hash, hash: pbkdf2Sync(right, hash.salt, 101, 64, 'sha512') }))];
  await verifier.verify(hashes[0], right);
  await verifier.verify(hashes[1], right);
  await verifier.verify(hashes[0], right);
  await verifier.verify(hashes[2], right);
  assert.equal(pool.runs, 3);
  await verifier.verify(hashes[0], right);
  assert.equal(pool.runs, 3, 'still remembered, since it was used');
  await verifier.verify(hashes[1], right);
  assert.equal(pool.runs, 4, 'forgotten');
});
