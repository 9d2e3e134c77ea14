import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '#base/logger.ts';
import { openStore, type StoreKind } from './open-store.ts';
import { Batch, tables, type ScanRange, type Store, type StoredRecord, type Table } from './store.ts';

const kinds: readonly StoreKind[] = ['memory', 'disk'];

for (const kind of kinds) {
  describe(`the store contract: ${kind}`, () => {
    let directory: string;
    let store: Store;

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'wrenmq-store-'));
      store = await openStore({ directory, kind, log: silentLogger });
    });

    afterEach(async () => {
      await store.close();
      await rm(directory, { recursive: true });
    });

    async function reopen(): Promise<void> {
      await store.close();
      store = await openStore({ directory, kind, log: silentLogger });
    }

    test('says whether it survives the process', () => {
      assert.equal(store.isDurable, kind !== 'memory');
    });

    test('gives back what a resolved commit put, and null for what is absent', async () => {
      await commit(store, [
        ['queue', 'a', 'one'],
        ['queue', 'b', 'two'],
        ['log', 'a', 'other table'],
      ]);
      assert.equal(await read(store, 'queue', 'a'), 'one');
      assert.equal(await read(store, 'queue', 'b'), 'two');
      assert.equal(await read(store, 'log', 'a'), 'other table');
      assert.equal(await read(store, 'log', 'b'), null);
    });

    test('lets the last change of a key in a batch win', async () => {
      await commit(store, [
        ['meta', 'k', 'first'],
        ['meta', 'k', null],
        ['meta', 'k', 'last'],
        ['meta', 'gone', 'x'],
        ['meta', 'gone', null],
      ]);
      assert.equal(await read(store, 'meta', 'k'), 'last');
      assert.equal(await read(store, 'meta', 'gone'), null);
      assert.equal(await store.count('meta'), 1);
    });

    test('counts the records of a range', async () => {
      await commit(
        store,
        ['a', 'b/1', 'b/2', 'c'].map((key) => ['feature', key, key] as const),
      );
      const count = (from?: string, to?: string): Promise<number> =>
        store.count('feature', { ...(from && { from: Buffer.from(from) }), ...(to && { to: Buffer.from(to) }) });
      assert.deepEqual(
        await Promise.all([count(), count('b/', 'b0'), count('b/2'), count(undefined, 'b/2'), count('x', 'b')]),
        [4, 2, 2, 2, 0],
      );
    });

    test('accepts the deletion of a key that is absent, and an empty batch', async () => {
      await commit(store, [['meta', 'absent', null]]);
      await store.commit(new Batch());
      assert.equal(await store.count('meta'), 0);
    });

    test('applies batches in the order of the calls, without waiting between them', async () => {
      const commits: Promise<void>[] = [];
      const settled: number[] = [];
      for (let i = 0; i < 50; i += 1) {
        commits.push(
          commit(store, [
            ['session', 'k', `${i}`],
            ['session', `k${i}`, `${i}`],
          ]).then(() => void settled.push(i)),
        );
      }
      await Promise.all(commits);
      assert.equal(await read(store, 'session', 'k'), '49');
      assert.equal(await store.count('session'), 51);
      assert.deepEqual(
        settled,
        Array.from({ length: 50 }, (_, i) => i),
      );
    });

    test('keeps binary keys of 1 to 512 bytes and orders them by their bytes', async () => {
      const keys = [
        Buffer.from([0]),
        Buffer.from([0, 0]),
        Buffer.from([0, 255]),
        Buffer.from([1]),
        Buffer.from([127]),
        Buffer.from([128]),
        Buffer.from([255]),
        Buffer.from([255, 0]),
        Buffer.alloc(512, 255),
        Buffer.alloc(512, 0),
        Buffer.alloc(511, 0),
        Buffer.from('ключ'),
        Buffer.from([0xc3, 0x28]),
      ];
      const batch = new Batch();
      for (const [i, key] of keys.entries()) batch.put('retained', key, Buffer.from([i]));
      await store.commit(batch);
      const expected = keys.map((key, i) => ({ key, value: Buffer.from([i]) })).sort((a, b) => Buffer.compare(a.key, b.key));
      assert.deepEqual(plain(await scan(store, 'retained')), plain(expected));
      for (const [i, key] of keys.entries()) assert.deepEqual(await store.get('retained', key), Buffer.from([i]));
    });

    test('keeps empty values and values of 8 MiB', async () => {
      const large = Buffer.alloc(8 * 1024 * 1024);
      for (let i = 0; i < large.length; i += 4) large.writeUInt32LE((i * 2654435761) >>> 0, i);
      const batch = new Batch();
      batch.put('log', Buffer.from('empty'), Buffer.alloc(0));
      batch.put('log', Buffer.from('large'), large);
      await store.commit(batch);
      await reopenWhenDurable();
      assert.equal((await store.get('log', Buffer.from('empty')))?.length, 0);
      assert.ok((await store.get('log', Buffer.from('large')))?.equals(large));
    });

    test('shares no bytes with the batch after the commit, nor with a reader', async () => {
      const key = Buffer.from('key');
      const value = Buffer.from('value');
      const batch = new Batch();
      batch.put('meta', key, value);
      await store.commit(batch);
      key.fill(0);
      value.fill(0);
      (await store.get('meta', Buffer.from('key')))?.fill(0);
      for (const record of await scan(store, 'meta')) record.value.fill(0);
      assert.equal(await read(store, 'meta', 'key'), 'value');
    });

    test('scans from (inclusive) to (exclusive), both ways, up to a limit', async () => {
      await commit(
        store,
        Array.from('abcdefgh', (key) => ['queue', key, key.toUpperCase()] as const),
      );
      const cases: [ScanRange, string][] = [
        [{}, 'abcdefgh'],
        [{ from: Buffer.from('c') }, 'cdefgh'],
        [{ to: Buffer.from('c') }, 'ab'],
        [{ from: Buffer.from('c'), to: Buffer.from('f') }, 'cde'],
        [{ from: Buffer.from('bb'), to: Buffer.from('ff') }, 'cdef'],
        [{ from: Buffer.from('f'), to: Buffer.from('c') }, ''],
        [{ from: Buffer.from('c'), to: Buffer.from('c') }, ''],
        [{ from: Buffer.from('z') }, ''],
        [{ isReverse: true }, 'hgfedcba'],
        [{ isReverse: true, from: Buffer.from('c'), to: Buffer.from('f') }, 'edc'],
        [{ isReverse: true, from: Buffer.from('bb'), to: Buffer.from('ff') }, 'fedc'],
        [{ isReverse: true, to: Buffer.from('a') }, ''],
        [{ isReverse: true, to: Buffer.from('z') }, 'hgfedcba'],
        [{ limit: 3 }, 'abc'],
        [{ limit: 0 }, ''],
        [{ isReverse: true, limit: 2 }, 'hg'],
        [{ from: Buffer.from('g'), limit: 9 }, 'gh'],
      ];
      for (const [range, expected] of cases) {
        const keys = (await scan(store, 'queue', range)).map((record) => record.key.toString());
        assert.equal(keys.join(''), expected, JSON.stringify(range));
      }
    });

    test('scans in bounded pages, and sees each record that stays exactly once while commits go on', async () => {
      const batch = new Batch();
      for (let i = 0; i < 2000; i += 1) batch.put('log', numberKey(i * 2), Buffer.alloc(i % 100 === 0 ? 20_000 : 10, i % 251));
      await store.commit(batch);
      for (const isReverse of [false, true]) {
        const seen: number[] = [];
        let pages = 0;
        for await (const page of store.scan('log', { isReverse })) {
          pages += 1;
          assert.ok(page.length <= 256);
          for (const { key } of page) seen.push(key.readUInt32BE(0));
          const change = new Batch();
          change.put('log', numberKey(pages * 200 + 1), Buffer.from('odd'));
          change.delete('log', numberKey(pages * 200 - 199));
          await store.commit(change);
        }
        assert.ok(pages > 5);
        const even = seen.filter((n) => n % 2 === 0);
        assert.deepEqual(
          even,
          isReverse ? Array.from({ length: 2000 }, (_, i) => 3998 - i * 2) : Array.from({ length: 2000 }, (_, i) => i * 2),
        );
      }
    });

    test('lets a scan be left early', async () => {
      const batch = new Batch();
      for (let i = 0; i < 1000; i += 1) batch.put('log', numberKey(i), Buffer.alloc(8));
      await store.commit(batch);
      for await (const page of store.scan('log')) {
        assert.ok(page.length > 0);
        break;
      }
      await commit(store, [['log', 'after', 'x']]);
      assert.equal(await store.count('log'), 1001);
    });

    test('behaves like a map under random batches', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(batchOfChanges(), { minLength: 1, maxLength: 12 }), async (batches) => {
          await clear(store);
          const model = new Map<string, Buffer>();
          for (const changes of batches) {
            const batch = new Batch();
            for (const { table, key, value } of changes) {
              if (value === null) {
                batch.delete(table, key);
                model.delete(`${table}/${key.toString('hex')}`);
              } else {
                batch.put(table, key, value);
                model.set(`${table}/${key.toString('hex')}`, value);
              }
            }
            await store.commit(batch);
          }
          await assertEqualsModel(store, model);
        }),
        { numRuns: 40, seed: 20261121 },
      );
    });

    test('refuses every call after close; closing twice is harmless', async () => {
      await store.close();
      await store.close();
      const refusal = { name: 'OperationalError', code: 'store.closed' };
      await assert.rejects(commit(store, [['meta', 'k', 'v']]), refusal);
      await assert.rejects(store.get('meta', Buffer.from('k')), refusal);
      await assert.rejects(store.count('meta'), refusal);
      await assert.rejects(scan(store, 'meta'), refusal);
    });

    test('finishes the commits that were under way when it is closed', async () => {
      const commits = Array.from({ length: 20 }, (_, i) => commit(store, [['meta', `k${i}`, 'v']]));
      await store.close();
      await Promise.all(commits);
      if (!store.isDurable) return;
      store = await openStore({ directory, kind, log: silentLogger });
      assert.equal(await store.count('meta'), 20);
    });

    if (kind !== 'memory') {
      test('has everything again after close and reopen', async () => {
        const model = new Map<string, Buffer>();
        for (const [t, table] of tables.filter((name) => name !== 'quarantine').entries()) {
          const batch = new Batch();
          for (let i = 0; i < 300; i += 1) {
            const key = Buffer.from(`${table}-${(i * 7919) % 1000}`);
            const value = Buffer.alloc((i * 31) % 400, t + i);
            batch.put(table, key, value);
            model.set(`${table}/${key.toString('hex')}`, value);
          }
          await store.commit(batch);
        }
        await reopen();
        await assertEqualsModel(store, model);
        assert.equal(store.statistics().recordsQuarantined, 0);
      });

      test('keeps its contents through many small reopenings', async () => {
        for (let i = 0; i < 10; i += 1) {
          await commit(store, [
            ['meta', `k${i}`, `${i}`],
            ['meta', `k${i - 3}`, null],
          ]);
          await reopen();
        }
        assert.deepEqual(
          (await scan(store, 'meta')).map(({ key }) => key.toString()),
          ['k7', 'k8', 'k9'],
        );
      });
    }

    async function reopenWhenDurable(): Promise<void> {
      if (store.isDurable) await reopen();
    }
  });
}

type Row = readonly [table: Table, key: string, value: string | null];

function commit(store: Store, rows: readonly Row[]): Promise<void> {
  const batch = new Batch();
  for (const [table, key, value] of rows) {
    if (value === null) batch.delete(table, Buffer.from(key));
    else batch.put(table, Buffer.from(key), Buffer.from(value));
  }
  return store.commit(batch);
}

async function read(store: Store, table: Table, key: string): Promise<string | null> {
  return (await store.get(table, Buffer.from(key)))?.toString() ?? null;
}

async function scan(store: Store, table: Table, range: ScanRange = {}): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const page of store.scan(table, range)) records.push(...page);
  return records;
}

async function clear(store: Store): Promise<void> {
  const batch = new Batch();
  for (const table of tables) {
    for (const { key } of await scan(store, table)) batch.delete(table, key);
  }
  await store.commit(batch);
}

async function assertEqualsModel(store: Store, model: ReadonlyMap<string, Buffer>): Promise<void> {
  const found = new Map<string, string>();
  for (const table of tables) {
    const records = await scan(store, table);
    assert.equal(await store.count(table), records.length);
    for (const { key, value } of records) {
      found.set(`${table}/${key.toString('hex')}`, value.toString('hex'));
      assert.ok((await store.get(table, key))?.equals(value));
    }
    const keys = records.map(({ key }) => key.toString('latin1'));
    assert.deepEqual(
      keys,
      [...keys].sort((a, b) => (a < b ? -1 : 1)),
    );
  }
  assert.deepEqual(found, new Map(Array.from(model, ([key, value]) => [key, value.toString('hex')] as const)));
}

function batchOfChanges(): fc.Arbitrary<{ table: Table; key: Buffer; value: Buffer | null }[]> {
  const change = fc.record({
    table: fc.constantFrom(...tables.filter((table) => table !== 'quarantine')),
    key: fc.uint8Array({ minLength: 1, maxLength: 3, max: 4 }).map((bytes) => Buffer.from(bytes)),
    value: fc.option(
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
      { freq: 3 },
    ),
  });
  return fc.array(change, { maxLength: 30 });
}

function numberKey(value: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(value);
  return key;
}

function plain(records: readonly StoredRecord[]): [string, string][] {
  return records.map(({ key, value }) => [key.toString('hex'), value.toString('hex')]);
}
