import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { OperationalError } from '#base/errors.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/logger.ts';
import { openStore } from './open-store.ts';
import { Batch, type Store } from './store.ts';

const writer = fileURLToPath(new URL('./test-writer.ts', import.meta.url));
let directory: string;
let children: ChildProcess[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wrenmq-open-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

function open(at = directory): Promise<Store> {
  return openStore({ directory: at, kind: 'disk', log: silentLogger });
}

/** Starts a process that commits numbered batches to the directory; yields the number of each that was acknowledged. */
function startWriter(): { readonly child: ChildProcess; readonly lines: AsyncIterator<string> } {
  const child = spawn(process.execPath, [...process.execArgv, '--conditions=@wrenmq/source', writer, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Each batch of the writer sets `last` and adds a record of the same number: a state between two commits has all of them. */
async function assertWhole(store: Store, atLeast: number): Promise<void> {
  const last = (await store.get('meta', Buffer.from('last')))?.readUInt32BE(0) ?? 0;
  assert.ok(last >= atLeast, `${atLeast} was acknowledged, ${last} is the last there`);
  assert.equal(await store.count('log'), last);
  let expected = 1;
  for await (const page of store.scan('log')) {
    for (const { key, value } of page) {
      assert.equal(key.readUInt32BE(0), expected);
      assert.ok(value.equals(Buffer.alloc(value.length, expected & 255)));
      expected += 1;
    }
  }
  assert.equal(store.statistics().recordsQuarantined, 0);
}

test('writes on in the file of a segment that was only read since the start, and is used again', async () => {
  let nowMs = 0;
  // Nothing fills so quickly that the next segment would be larger.
  const clock = { ...systemClock, monotonicMs: () => (nowMs += 1000) };
  const openSlowly = (): Promise<Store> => openStore({ directory, kind: 'disk', log: silentLogger, clock });
  const write = async (store: Store, rounds: number): Promise<void> => {
    for (let i = 0; i < rounds; i += 1) {
      const batch = new Batch();
      batch.put('meta', Buffer.from('filling'), Buffer.alloc(200_000, i));
      await store.commit(batch);
    }
  };
  const before = await openSlowly();
  const kept = new Batch();
  kept.put('meta', Buffer.from('kept'), Buffer.from('in the first segment'));
  await before.commit(kept);
  await write(before, 8);
  await before.close();
  const store = await openSlowly();
  assert.equal(String(await store.get('meta', Buffer.from('kept'))), 'in the first segment');
  await write(store, 60);
  assert.equal(String(await store.get('meta', Buffer.from('kept'))), 'in the first segment');
  assert.deepEqual(await store.get('meta', Buffer.from('filling')), Buffer.alloc(200_000, 59));
  await store.close();
});

test('makes the directory for its owner alone, and the files too', async () => {
  const deep = join(directory, 'a', 'b');
  const store = await open(deep);
  assert.equal((await stat(deep)).mode & 0o777, 0o700);
  for (const name of await readdir(deep)) assert.equal((await stat(join(deep, name))).mode & 0o777, 0o600, name);
  await store.close();
});

test('a memory store touches no directory', async () => {
  const store = await openStore({ directory: join(directory, 'none'), kind: 'memory', log: silentLogger });
  await store.close();
  assert.deepEqual(await readdir(directory), []);
});

test('says why when the directory cannot be made', async () => {
  await writeFile(join(directory, 'file'), '');
  await assert.rejects(open(join(directory, 'file', 'data')), { code: 'store.failed', message: /cannot be made/ });
});

test('a second opening in the same process is refused and names the holder; after close it succeeds', async () => {
  const store = await open();
  const refusal = {
    code: 'store.locked',
    message: `${directory} is in use by process ${process.pid}: stop that one first, or use another directory`,
  };
  await assert.rejects(open(), refusal);
  await assert.rejects(open(join(directory, '.', '..', directory.split('/').at(-1) as string)), { code: 'store.locked' });
  await store.close();
  await (await open()).close();
});

test('another process that holds the directory is named, and its lock dies with it', async () => {
  const { child, lines } = startWriter();
  await lines.next();
  await assert.rejects(open(), { code: 'store.locked', message: new RegExp(`in use by process ${child.pid}:`) });
  await kill(child);
  await (await open()).close();
});

test('kill -9 at any moment: everything acknowledged is there, and nothing in half', async () => {
  let acknowledged = 0;
  for (let round = 0; round < 8; round += 1) {
    const { child, lines } = startWriter();
    const until = acknowledged + 1 + round * 7;
    while (acknowledged < until) acknowledged = Number((await lines.next()).value);
    await kill(child);
    // What it had said before it died is in the pipe.
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) acknowledged = Number(line.value);
    const store = await open();
    await assertWhole(store, acknowledged);
    await store.close();
  }
});

test(
  'a copy of the files that was taken from a stopped writer opens to a committed state',
  { skip: process.platform === 'win32' },
  async () => {
    const { child, lines } = startWriter();
    let acknowledged = 0;
    for (let round = 0; round < 6; round += 1) {
      for (let i = 0; i < 9; i += 1) acknowledged = Number((await lines.next()).value);
      child.kill('SIGSTOP');
      const copy = await mkdtemp(join(tmpdir(), 'wrenmq-copy-'));
      await cp(directory, copy, { recursive: true });
      child.kill('SIGCONT');
      const store = await open(copy);
      await assertWhole(store, acknowledged);
      await store.close();
      await rm(copy, { recursive: true });
    }
  },
);

test('a directory from before its lock file was removed opens, whatever the file says', async () => {
  await (await open()).close();
  await writeFile(join(directory, 'lock'), '1\n');
  await (await open()).close();
  await assert.rejects(readFile(join(directory, 'lock')), { code: 'ENOENT' });
});

test('on a small file system that fills up, nothing acknowledged is lost and service resumes by itself', async (context) => {
  const mount = join(directory, 'small');
  if (!(await mountTmpfs(mount, context))) return;
  try {
    const store = await open(join(mount, 'data'));
    await writeFile(join(mount, 'ballast'), Buffer.alloc(2 * 1024 * 1024));
    const { acknowledged, error } = await fill(store);
    assert.equal(error.code, 'store.full');
    assert.equal(error.retryable, true);
    assert.ok(acknowledged > 500, `${acknowledged}`);
    const deletion = new Batch();
    for (let i = 0; i < 50; i += 1) deletion.delete('log', keyOf(i));
    await store.commit(deletion);
    await rm(join(mount, 'ballast'));
    await store.commit(record(acknowledged));
    await store.close();
    const again = await open(join(mount, 'data'));
    for (let i = 0; i <= acknowledged; i += 1) {
      assert.equal((await again.get('log', keyOf(i)))?.length, i < 50 ? undefined : 4000, `${i}`);
    }
    await again.close();
  } finally {
    execFileSync('umount', [mount]);
  }
});

test('on a file system without any room the opening is refused as full', async (context) => {
  const mount = join(directory, 'tiny');
  if (!(await mountTmpfs(mount, context))) return;
  try {
    await writeFile(join(mount, 'ballast'), Buffer.alloc(7.95 * 1024 * 1024));
    await assert.rejects(open(join(mount, 'data')), { code: 'store.full' });
    await rm(join(mount, 'ballast'));
    await (await open(join(mount, 'data'))).close();
  } finally {
    execFileSync('umount', [mount]);
  }
});

async function mountTmpfs(at: string, context: TestContext): Promise<boolean> {
  await mkdir(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', at], { stdio: 'ignore' });
    return true;
  } catch {
    context.skip('a tmpfs cannot be mounted here');
    return false;
  }
}

async function fill(store: Store): Promise<{ acknowledged: number; error: OperationalError }> {
  for (let acknowledged = 0; ; acknowledged += 1) {
    try {
      await store.commit(record(acknowledged));
    } catch (error) {
      return { acknowledged, error: error as OperationalError };
    }
  }
}

function record(i: number): Batch {
  const batch = new Batch();
  batch.put('log', keyOf(i), Buffer.alloc(4000, i));
  return batch;
}

function keyOf(i: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(i);
  return key;
}
