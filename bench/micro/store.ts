/**
 * What the durable store costs: `node --expose-gc --conditions=@wrenmq/source bench/micro/store.ts [directory]`. About 20 seconds.
 * CPU is the whole process's and the main thread's; the time that the benchmark needs to make the batches is taken off.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#root/packages/broker/src/base/logger.ts';
import { openStore } from '#root/packages/broker/src/store/open-store.ts';
import { Batch, type Store } from '#root/packages/broker/src/store/store.ts';

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

const small = Buffer.alloc(60, 3);
const medium = Buffer.alloc(300, 7);
const large = Buffer.alloc(100 * 1024, 9);
/** A record lives for so many commits where a workload deletes. */
const LIFE = 20;

const workloads: readonly { readonly name: string; readonly commits: number; readonly fill: (batch: Batch, i: number) => void }[] = [
  { name: 'one record of 300 B', commits: 2000, fill: (batch, i) => batch.put('queue', keyOf('lone', 0, i), medium) },
  {
    name: '100 KB + 50 records of 300 B + 51 deletions',
    commits: 1000,
    fill(batch, i) {
      batch.put('log', keyOf('log', 0, i), large);
      if (i >= LIFE) batch.delete('log', keyOf('log', 0, i - LIFE));
      for (let session = 0; session < 50; session += 1) putAndForget(batch, `s${session}`, i, medium);
    },
  },
  {
    name: 'one message to 1000 sessions, 1000 deletions',
    commits: 400,
    fill(batch, i) {
      batch.put('log', keyOf('fan', 0, i), medium);
      for (let session = 0; session < 1000; session += 1) putAndForget(batch, `f${session}`, i, small);
    },
  },
  {
    name: 'one message to 1000 sessions, kept',
    commits: 400,
    fill(batch, i) {
      for (let session = 0; session < 1000; session += 1) batch.put('queue', keyOf(`k${session}`, session, i), small);
    },
  },
];

function putAndForget(batch: Batch, session: string, i: number, value: Buffer): void {
  batch.put('queue', keyOf(session, 0, i), value);
  if (i >= LIFE) batch.delete('queue', keyOf(session, 0, i - LIFE));
}

function keyOf(name: string, a: number, b: number): Buffer {
  const key = Buffer.alloc(name.length + 8);
  key.write(name);
  key.writeUInt32BE(a, name.length);
  key.writeUInt32BE(b, name.length + 4);
  return key;
}

async function measure(store: Store, { name, commits, fill }: (typeof workloads)[number]): Promise<void> {
  const latencies: number[] = [];
  let fillMs = 0;
  let changes = 0;
  const process0 = process.cpuUsage();
  const main0 = process.threadCpuUsage();
  for (let i = 0; i < commits; i += 1) {
    const start = performance.now();
    const batch = new Batch();
    fill(batch, i);
    changes += batch.changes.length;
    const filled = performance.now();
    fillMs += filled - start;
    await store.commit(batch);
    latencies.push(performance.now() - filled);
  }
  const total = process.cpuUsage(process0);
  const main = process.threadCpuUsage(main0);
  latencies.sort((a, b) => a - b);
  const perChange = (usage: { user: number; system: number }): string => ((usage.user + usage.system - fillMs * 1000) / changes).toFixed(2);
  const at = (share: number): string => latencies[Math.floor(latencies.length * share)].toFixed(2);
  console.log(
    `${name.padEnd(46)} commit ${at(0.5)} ms, p99 ${at(0.99)} ms; a change: ${perChange(total)} us CPU, ${perChange(main)} us of it main thread`,
  );
}

async function measureMillion(directory: string): Promise<void> {
  collect?.();
  const before = process.memoryUsage().rss;
  const store = await openStore({ directory, kind: 'disk', log: silentLogger });
  for (let i = 0; i < 1_000_000; i += 5000) {
    const batch = new Batch();
    for (let j = i; j < i + 5000; j += 1) batch.put('retained', keyOf('sensors/', (j * 7919) % 1000, j), medium);
    await store.commit(batch);
  }
  collect?.();
  const bytes = store.statistics().bytesOnDisk;
  const start = performance.now();
  let records = 0;
  for await (const page of store.scan('retained')) records += page.length;
  const scanned = performance.now();
  await store.close();
  const closed = performance.now();
  const again = await openStore({ directory, kind: 'disk', log: silentLogger });
  const opened = performance.now();
  await again.close();
  console.log(
    `1,000,000 records of 300 B: ${(bytes / 2 ** 20).toFixed(0)} MiB on disk, ${((process.memoryUsage().rss - before) / 1e6).toFixed(0)} bytes of memory a record`,
  );
  console.log(
    `  scan ${((scanned - start) / (records / 1000)).toFixed(2)} us a record; restart ${((opened - closed) / 1000).toFixed(2)} s`,
  );
}

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'wrenmq-bench-'));
try {
  const store = await openStore({ directory: join(directory, 'a'), kind: 'disk', log: silentLogger });
  for (const workload of workloads) await measure(store, workload);
  await store.close();
  await measureMillion(join(directory, 'b'));
} finally {
  rmSync(directory, { recursive: true });
}
