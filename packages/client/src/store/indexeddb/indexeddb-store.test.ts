import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { seededRandom } from '@wrenmq/testkit';
import type { StoreOp } from '#store/session-store.ts';
import { collect, describeSession, openAndDescribe, SessionScript } from '#store/test-session-model.ts';
import type { DatabaseFactory } from './browser-database.ts';
import { indexedDbStore } from './index.ts';
import { type BrowserSurroundings, IndexedDbStore } from './indexeddb-store.ts';
import type { LockMaker } from './tab-lock.ts';

/** Locks as a browser has them: those who ask wait in turn. */
class TestLocks implements LockMaker {
  readonly held = new Map<string, Promise<void>>();

  async request(name: string, { signal }: { signal: AbortSignal }, whileHeld: () => Promise<void>): Promise<void> {
    while (this.held.has(name)) {
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
      await Promise.race([this.held.get(name), aborted]);
    }
    const holding = whileHeld();
    this.held.set(name, holding);
    await holding;
    this.held.delete(name);
  }
}

interface Browser extends BrowserSurroundings {
  readonly factory: InstanceType<typeof IDBFactory>;
  readonly locks: TestLocks;
}

function startBrowser(): Browser {
  const factory = new IDBFactory();
  const locks = new TestLocks();
  return {
    factory,
    locks,
    indexedDB: factory,
    IDBKeyRange,
    navigator: { locks },
  };
}

function put(seq: number, length = 3): StoreOp {
  return { op: 'out.put', seq: BigInt(seq), qos: 2, packet: new Uint8Array(length).fill(seq) };
}

/** Makes the database refuse what it is to put, as long as `isFull` says so. */
function limit(browser: Browser, isFull: (op: StoreOp) => boolean): BrowserSurroundings {
  const wrap = <T extends object>(target: T, replacements: Record<string, (...given: never[]) => unknown>): T =>
    new Proxy(target, {
      get(from, name) {
        const value: unknown = replacements[String(name)] ?? Reflect.get(from, name, from);
        return typeof value === 'function' && !(String(name) in replacements) ? (value.bind(from) as unknown) : value;
      },
    });
  const open = (name: string, version: number): object => {
    const request = browser.factory.open(name, version);
    return new Proxy(request, {
      get(from, property) {
        if (property !== 'result') {
          const value: unknown = Reflect.get(from, property, from);
          return typeof value === 'function' ? (value.bind(from) as unknown) : value;
        }
        const connection = from.result;
        const transaction = (store: string, mode: 'readonly' | 'readwrite', options: object): object => {
          const inner = connection.transaction(store, mode, options);
          if (mode === 'readwrite') assert.deepEqual(options, { durability: 'strict' });
          const objectStore = (): object => {
            const table = inner.objectStore(store);
            return wrap(table, {
              put: (step: { op: StoreOp }) => {
                if (isFull(step.op)) throw new DOMException('no room', 'QuotaExceededError');
                return table.put(step);
              },
            });
          };
          return wrap(inner, { objectStore });
        };
        return wrap(connection, { transaction });
      },
    });
  };
  return { ...browser, indexedDB: { open } as unknown as DatabaseFactory };
}

test('what was appended is there for the next page, in order, and nothing else', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const random = seededRandom(seed);
    const browser = startBrowser();
    const script = new SessionScript(random);
    const ops: StoreOp[] = [];
    for (let page = 0; page < 6; page += 1) {
      const store = new IndexedDbStore('app', browser);
      const opened = await store.open('client');
      assert.equal(opened.existed, page > 0);
      assert.equal(describeSession(await collect(opened.ops)), describeSession(ops), `seed ${seed}, page ${page}`);
      const batches = Array.from({ length: 20 }, () => script.nextBatch());
      await Promise.all(batches.map((batch) => store.append(batch)));
      ops.push(...batches.flat());
      await store.close();
    }
  }
});

test('a store has a client id of its own, the same for all its tabs and pages, and for nobody else', async () => {
  const browser = startBrowser();
  const identify = (name: string): Promise<string> => new IndexedDbStore(name, browser).identify();
  const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => identify('app')));
  assert.match(first, /^[0-9a-zA-Z]{1,23}$/);
  assert.deepEqual(new Set([...others, await identify('app')]), new Set([first]));
  assert.notEqual(await identify('other'), first);
  const store = new IndexedDbStore('app', browser);
  assert.equal((await store.open(await store.identify())).existed, false);
  await assert.rejects(new IndexedDbStore('app', { navigator: browser.navigator }).identify(), { code: 'NOT_SUPPORTED' });
});

test('what is done leaves nothing behind', async () => {
  const browser = startBrowser();
  const store = new IndexedDbStore('app', browser);
  await store.open('client');
  for (let seq = 1; seq <= 600; seq += 1) {
    await store.append([put(seq)]);
    await store.append([{ op: 'out.sent', seq: BigInt(seq), packetId: seq }]);
    if (seq % 2 === 0) await store.append([{ op: 'out.done', seq: BigInt(seq) }]);
  }
  await store.append([put(601), { op: 'out.done', seq: 601n }, { op: 'out.done', seq: 700n }]);
  await store.close();
  const next = new IndexedDbStore('app', browser);
  const { ops } = await next.open('client');
  assert.equal((await collect(ops)).length, 600);
  await next.close();
});

test('a view is stored without the rest of its buffer', async () => {
  const browser = startBrowser();
  const store = new IndexedDbStore('app', browser);
  await store.open('client');
  await store.append([{ ...put(1), packet: new Uint8Array(10_000).fill(7).subarray(100, 103) } as StoreOp]);
  await store.close();
  const next = new IndexedDbStore('app', browser);
  const [op] = await collect((await next.open('client')).ops);
  assert.ok(op.op === 'out.put' && op.packet.buffer.byteLength === 3 && op.packet[2] === 7);
});

test('names and client ids do not run into each other', async () => {
  const browser = startBrowser();
  const pairs = [
    ['a', 'b/c'],
    ['a/b', 'c'],
    ['a","b', 'c'],
    ['', ''],
    ['a', '\u0000'],
  ];
  for (const [seq, [name, clientId]] of pairs.entries()) {
    const store = new IndexedDbStore(name, browser);
    assert.equal((await store.open(clientId)).existed, false);
    await store.append([put(seq)]);
  }
});

test('a second tab gets SESSION_LOCKED, and the session when the first is gone', async () => {
  const browser = startBrowser();
  const first = new IndexedDbStore('app', browser);
  await first.open('client');
  await first.append([put(1)]);
  const second = new IndexedDbStore('app', browser);
  await assert.rejects(second.open('client'), { name: 'MqttError', code: 'SESSION_LOCKED', retryable: true });
  const waiting = second.open('client');
  await first.close();
  const { ops } = await waiting;
  assert.deepEqual(await collect(ops), [put(1)]);
  await second.close();
  assert.equal(browser.locks.held.size, 0);
});

test('the locks of Node.js do as those of a browser', async () => {
  const { navigator } = globalThis as unknown as BrowserSurroundings;
  const browser = { ...startBrowser(), navigator };
  const first = new IndexedDbStore('node', browser);
  await first.open('client');
  await assert.rejects(new IndexedDbStore('node', browser).open('client'), { code: 'SESSION_LOCKED' });
  await first.close();
  const second = new IndexedDbStore('node', browser);
  await second.open('client');
  await second.close();
});

test('a store that is closed while it opens is free afterwards', async () => {
  const browser = startBrowser();
  const store = new IndexedDbStore('app', browser);
  const opening = store.open('client');
  await store.close();
  await opening;
  await assert.rejects(store.append([put(1)]), { code: 'STORE' });
  assert.equal(browser.locks.held.size, 0);
  await openAndDescribe(new IndexedDbStore('app', browser));
});

test('where something is missing, it says what', async () => {
  await assert.rejects(indexedDbStore('app').open('client'), { code: 'NOT_SUPPORTED', message: /no IndexedDB/ });
  const { indexedDB, IDBKeyRange: keyRange } = startBrowser();
  const insecure = { indexedDB, IDBKeyRange: keyRange, navigator: {} } as BrowserSurroundings;
  await assert.rejects(new IndexedDbStore('app', insecure).open('client'), { code: 'NOT_SUPPORTED', message: /HTTPS/ });
});

test('a browser without room refuses messages with QUEUE_FULL, whole batches, and takes what fits', async () => {
  const browser = startBrowser();
  const store = new IndexedDbStore(
    'app',
    limit(browser, (op) => op.op === 'out.put' && op.packet.length > 100),
  );
  await openAndDescribe(store);
  const small = store.append([put(1)]);
  const large = store.append([{ op: 'sub.put', filter: 'a', options: 1, id: 1 }, put(2, 200)]);
  const done = store.append([{ op: 'out.done', seq: 1n }]);
  const last = store.append([put(3)]);
  await small;
  await assert.rejects(large, { code: 'QUEUE_FULL', retryable: true });
  await done;
  await last;
  await store.append([put(4)]);
  await store.close();
  assert.equal(await openAndDescribe(new IndexedDbStore('app', browser)), describeSession([put(3), put(4)]));
});

test('a browser without room at all refuses the rest with STORE', async () => {
  const browser = startBrowser();
  let isFull = false;
  const store = new IndexedDbStore(
    'app',
    limit(browser, () => isFull),
  );
  await openAndDescribe(store);
  await store.append([put(1)]);
  isFull = true;
  await assert.rejects(store.append([{ op: 'out.sent', seq: 1n, packetId: 1 }]), { code: 'STORE', retryable: true });
  // Nothing needs room for this.
  await store.append([{ op: 'out.done', seq: 1n }]);
  await store.close();
  assert.equal(await openAndDescribe(new IndexedDbStore('app', browser)), '');
});

test('a database that is deleted under the store is STORE', async () => {
  const browser = startBrowser();
  const store = new IndexedDbStore('app', browser);
  await store.open('client');
  const [{ name }] = await browser.factory.databases();
  await new Promise((resolve) => {
    browser.factory.deleteDatabase(name).addEventListener('success', resolve);
  });
  await assert.rejects(store.append([put(1)]), { code: 'STORE' });
  await store.close();
});

test('a store is opened once, and takes nothing before and after', async () => {
  const browser = startBrowser();
  const store = new IndexedDbStore('app', browser);
  await assert.rejects(store.append([put(1)]), { code: 'STORE' });
  await store.open('client');
  await assert.rejects(store.open('client'), { code: 'INVALID' });
  await store.append([]);
  const last = store.append([put(1)]);
  await store.close();
  await last;
  await assert.rejects(store.append([put(2)]), { code: 'STORE' });
  await store.close();
  await new IndexedDbStore('app', browser).close();
});
