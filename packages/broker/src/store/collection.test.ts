import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { tempDirectory, type TempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import { Collection } from './collection.ts';
import { Committer } from './committer.ts';
import { openStore, type StoreKind } from './open-store.ts';
import type { Batch, Store } from './store.ts';

for (const kind of ['memory', 'disk'] as const satisfies readonly StoreKind[]) {
  describe(`a collection, durability ${kind}`, () => {
    let directory: TempDirectory;
    let store: Store;
    let isFull: boolean;
    /** Commits begin when this is done. */
    let gate: Promise<void>;
    let clock: FakeClock;
    let committer: Committer;
    let collection: Collection;

    beforeEach(async () => {
      directory = await tempDirectory();
      store = await openStore({ directory: directory.path, kind, log: silentLogger });
      isFull = false;
      gate = Promise.resolve();
      open();
    });

    afterEach(async () => {
      await store.close();
      await directory.remove();
    });

    function open(): void {
      clock = new FakeClock();
      // A store that has no room when the test says so.
      const commit = async (batch: Batch): Promise<void> => {
        await gate;
        if (isFull) throw new OperationalError('store.full', 'full', { retryable: true });
        await store.commit(batch);
      };
      const bounded = { commit, get: store.get.bind(store), scan: store.scan.bind(store), count: store.count.bind(store) };
      committer = new Committer(bounded as unknown as Store, clock, (error) => assert.fail(String(error)));
      collection = new Collection(store, committer, 'feature/things');
    }

    const put = (key: string, value: string, settled?: (isWritten: boolean) => void): void =>
      collection.put(Buffer.from(key), Buffer.from(value), settled);
    const get = async (key: string): Promise<string | null> => (await collection.get(Buffer.from(key)))?.toString() ?? null;

    async function all(range: { from?: string; to?: string; limit?: number } = {}): Promise<string[]> {
      const { from, to, limit = Infinity } = range;
      const found: string[] = [];
      const scanned = collection.scan({ ...(from && { from: Buffer.from(from) }), ...(to && { to: Buffer.from(to) }), limit });
      for await (const page of scanned) for (const { key, value } of page) found.push(`${key.toString()}=${value.toString()}`);
      return found;
    }

    test('is read as it is now, and scanned as it is on disk', async () => {
      put('a', '1');
      put('a', '2');
      put('b', '1');
      collection.delete(Buffer.from('b'));
      assert.deepEqual([await get('a'), await get('b'), await get('c')], ['2', null, null]);
      assert.equal(await committer.durable(), null);
      assert.deepEqual([await get('a'), await get('b')], ['2', null]);
      assert.deepEqual(await all(), ['a=2']);
    });

    test('survives a restart, and keeps to itself what other collections hold', async () => {
      const others = ['feature/thing', 'feature/things0', 'feature'].map((name) => new Collection(store, committer, name));
      for (const other of others) other.put(Buffer.from('a'), Buffer.from('other'));
      for (const key of ['a', 'b', 'c', 'd']) put(key, key);
      await committer.durable();
      if (kind === 'disk') {
        await store.close();
        store = await openStore({ directory: directory.path, kind, log: silentLogger });
        open();
      }
      assert.deepEqual(await all(), ['a=a', 'b=b', 'c=c', 'd=d']);
      assert.deepEqual(await all({ from: 'b', to: 'd' }), ['b=b', 'c=c']);
      assert.deepEqual(await all({ from: 'b', limit: 1 }), ['b=b']);
      assert.deepEqual([await collection.count(), await collection.count({ from: Buffer.from('b') })], [4, 3]);
    });

    test('tells what became of a change, and of one that was replaced before it was written', async () => {
      const heard: string[] = [];
      put('a', '1', (isWritten) => heard.push(`first ${isWritten}`));
      put('a', '2', (isWritten) => heard.push(`second ${isWritten}`));
      assert.deepEqual(heard, []);
      await committer.durable();
      assert.deepEqual(heard, ['first true', 'second true']);
    });

    test('forgets what the full disk refused where somebody was told, and tries the rest again until it is written', async () => {
      put('a', 'old');
      put('b', 'old');
      await committer.durable();
      isFull = true;
      const heard: boolean[] = [];
      put('a', 'new', (isWritten) => heard.push(isWritten));
      collection.delete(Buffer.from('b'));
      put('c', 'kept');
      assert.equal((await committer.durable())?.code, 'store.full');
      assert.deepEqual([heard, collection.isFull], [[false], true]);
      assert.deepEqual([await get('a'), await get('b'), await get('c')], ['old', null, 'kept']);
      assert.deepEqual(await all(), ['a=old', 'b=old']);
      put('c', 'newer');
      isFull = false;
      const written = committer.durable();
      clock.advance(1000);
      assert.equal(await written, null);
      assert.deepEqual([await all(), collection.isFull], [['a=old', 'c=newer'], false]);
    });

    test('is read as it is now while a batch is under way; what changed meanwhile is not undone when that is refused', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      put('a', '1');
      put('b', '1');
      const first = committer.durable();
      await new Promise(setImmediate);
      assert.deepEqual([await get('a'), await get('b')], ['1', '1']);
      put('a', '2');
      isFull = true;
      resolve();
      assert.equal((await first)?.code, 'store.full');
      assert.deepEqual([await get('a'), await get('b')], ['2', '1']);
      isFull = false;
      const second = committer.durable();
      clock.advance(1000);
      assert.equal(await second, null);
      assert.deepEqual(await all(), ['a=2', 'b=1']);
    });

    test('tries again by itself what was refused', async () => {
      isFull = true;
      put('a', '1');
      await committer.durable();
      isFull = false;
      clock.advance(1000);
      while ((await all()).length === 0) await new Promise(setImmediate);
      assert.deepEqual([await all(), collection.isFull], [['a=1'], false]);
    });

    test('comes true with everything else of its batch, or not at all', async () => {
      const participant = { persist: (batch: Batch) => batch.put('meta', Buffer.from('other'), Buffer.from('1')), settled: () => {} };
      isFull = true;
      put('a', '1', () => {});
      committer.join(participant);
      await committer.durable();
      assert.deepEqual([await store.get('meta', Buffer.from('other')), await all()], [null, []]);
    });
  });
}
