import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
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

  override run<T>(name: string, task: () => Promise<T>): Promise<T> {
    this.runs += 1;
    return super.run(name, task);
  }
}

test('the pool runs a bounded number at once, queues a bounded number, and refuses the rest', async () => {
  const pool = new HashPool(new FakeClock(), { concurrentMax: 2, waitingMax: 3, waitMsMax: 1000 });
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  const results = gates.map(({ promise }, index) =>
    pool.run('u', async () => {
      running += 1;
      most = Math.max(most, running);
      await promise;
      running -= 1;
      return index;
    }),
  );
  await assert.rejects(
    pool.run('u', () => Promise.resolve(9)),
    { code: HASH_POOL_FULL, retryable: true },
  );
  for (const gate of gates) gate.resolve();
  assert.deepEqual(await Promise.all(results), [0, 1, 2, 3, 4]);
  assert.equal(most, 2);
  assert.equal(await pool.run('u', () => Promise.resolve(9)), 9);
});

test('names take turns, and one that is asked for too often gives way to the others', async () => {
  const pool = new HashPool(new FakeClock(), { concurrentMax: 1, waitingMax: 4, waitMsMax: 1000 });
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const ask = (name: string, number: number) =>
    pool
      .run(name, async () => {
        if (number === 0) await gate.promise;
        done.push(`${name}${number}`);
      })
      .catch(({ code }: { code: string }) => done.push(`${name}${number} ${code === HASH_POOL_FULL ? 'refused' : code}`));
  const asked = [ask('guessed', 0), ask('guessed', 1), ask('guessed', 2), ask('guessed', 3), ask('guessed', 4)];
  asked.push(ask('guessed', 5), ask('alice', 1), ask('bob', 1), ask('guessed', 6));
  await Promise.resolve();
  gate.resolve();
  await Promise.all(asked);
  const refused = ['guessed5', 'guessed4', 'guessed3', 'guessed6'].map((name) => `${name} refused`);
  assert.deepEqual(done, [...refused, 'guessed0', 'guessed1', 'alice1', 'bob1', 'guessed2']);
  await ask('alice', 2);
  assert.equal(done.at(-1), 'alice2');
});

test('who waits too long gives way, and leaves no timer', async () => {
  const clock = new FakeClock();
  const pool = new HashPool(clock, { concurrentMax: 1, waitingMax: 4, waitMsMax: 1000 });
  const gate = Promise.withResolvers<string>();
  const first = pool.run('a', () => gate.promise);
  const late = [pool.run('a', () => Promise.resolve('late')), pool.run('b', () => Promise.resolve('late'))];
  const refused = Promise.allSettled(late);
  clock.advance(600);
  const next = pool.run('a', () => Promise.resolve('next'));
  clock.advance(600);
  assert.deepEqual(
    (await refused).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  gate.resolve('first');
  assert.deepEqual(await Promise.all([first, next]), ['first', 'next']);
  assert.equal(clock.pending, 0);
});

test('a task that fails gives its place back', async () => {
  const pool = new HashPool(new FakeClock(), { concurrentMax: 1, waitingMax: 1, waitMsMax: 1000 });
  await assert.rejects(
    pool.run('u', () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  assert.equal(await pool.run('u', () => Promise.resolve('next')), 'next');
});

test('a password that was right is not hashed again, a wrong one is', async () => {
  const pool = new CountingPool(new FakeClock(), { concurrentMax: 2, waitingMax: 10, waitMsMax: 1000 });
  const verifier = new PasswordVerifier(pool, 10);
  assert.equal(await verifier.verify('u', stored, right), true);
  assert.equal(await verifier.verify('u', stored, right), true);
  assert.equal(pool.runs, 1);
  assert.equal(await verifier.verify('u', stored, wrong), false);
  assert.equal(await verifier.verify('u', stored, wrong), false);
  assert.equal(pool.runs, 3);
  verifier.forget();
  assert.equal(await verifier.verify('u', stored, right), true);
  assert.equal(pool.runs, 4);
});

test('a success for one stored hash says nothing about another', async () => {
  const pool = new CountingPool(new FakeClock(), { concurrentMax: 2, waitingMax: 10, waitMsMax: 1000 });
  const verifier = new PasswordVerifier(pool, 10);
  assert.equal(await verifier.verify('u', stored, right), true);
  const other = { ...stored, hash: Buffer.alloc(64, 1) };
  assert.equal(await verifier.verify('u', other, right), false);
});

test('a storm with one password is one run, and a full pool lets no attempt wait', async () => {
  const pool = new CountingPool(new FakeClock(), { concurrentMax: 1, waitingMax: 0, waitMsMax: 1000 });
  const verifier = new PasswordVerifier(pool, 10);
  const storm = Array.from({ length: 1000 }, () => verifier.verify('u', stored, right));
  await assert.rejects(verifier.verify('u', stored, wrong), { code: HASH_POOL_FULL });
  assert.ok((await Promise.all(storm)).every((isRight) => isRight));
  assert.equal(pool.runs, 2);
});

test('the successes that are remembered are bounded: the one unused longest is forgotten', async () => {
  const pool = new CountingPool(new FakeClock(), { concurrentMax: 1, waitingMax: 10, waitMsMax: 1000 });
  const verifier = new PasswordVerifier(pool, 2);
  const others = [1, 2].map((value) => ({ ...stored, salt: Buffer.from([value]) }));
  const { pbkdf2Sync } = await import('node:crypto');
  const hashes = [stored, ...others.map((hash) => ({ ...hash, hash: pbkdf2Sync(right, hash.salt, 101, 64, 'sha512') }))];
  await verifier.verify('u', hashes[0], right);
  await verifier.verify('u', hashes[1], right);
  await verifier.verify('u', hashes[0], right);
  await verifier.verify('u', hashes[2], right);
  assert.equal(pool.runs, 3);
  await verifier.verify('u', hashes[0], right);
  assert.equal(pool.runs, 3, 'still remembered, since it was used');
  await verifier.verify('u', hashes[1], right);
  assert.equal(pool.runs, 4, 'forgotten');
});
