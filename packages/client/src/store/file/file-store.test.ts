import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, tempDirectory } from '@wrenmq/testkit';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import { collect, describeSession, openAndDescribe, SessionScript } from '#store/test-session-model.ts';
import { FileStore, type FileStoreOptions } from './file-store.ts';
import { fileStore } from './index.ts';
import { TestDisk, TestProcesses } from './test-disk.ts';

function put(seq: number, length = 10): StoreOp {
  return { op: 'out.put', seq: BigInt(seq), qos: 1, packet: new Uint8Array(length).fill(seq) };
}

function done(seq: number): StoreOp {
  return { op: 'out.done', seq: BigInt(seq) };
}

async function openOn(disk: TestDisk, options: FileStoreOptions = {}, segmentBytes = 1_000): Promise<FileStore> {
  const store = new FileStore('/data', options, { fileSystem: disk, processes: new TestProcesses(), segmentBytes });
  await openAndDescribe(store);
  return store;
}

function bytesOn(disk: TestDisk): number {
  return disk.paths.reduce((sum, path) => sum + disk.read(path).length, 0);
}

test('what was appended is there after closing, on a real disk', async () => {
  await using directory = await tempDirectory();
  const script = new SessionScript(seededRandom(1));
  const ops: StoreOp[] = [];
  for (let opening = 0; opening < 12; opening += 1) {
    const store = fileStore(`${directory.path}/deep/below`, {
      sync: opening % 3 === 0 ? 'interval' : opening % 3 === 1 ? 'never' : 'always',
    });
    const opened = await store.open('gateway/7');
    assert.equal(opened.existed, opening > 0);
    assert.equal(describeSession(await collect(opened.ops)), describeSession(ops));
    const batches = Array.from({ length: 20 }, () => script.nextBatch());
    await Promise.all(batches.map((batch) => store.append(batch)));
    ops.push(...batches.flat());
    await store.close();
    await store.close();
  }
});

test('client ids have sessions of their own, whatever characters are in them', async () => {
  await using directory = await tempDirectory();
  const clientIds = [
    '',
    'a',
    'A',
    '..',
    '../a',
    'a/b',
    'CON',
    'ä',
    '\u0000',
    '*',
    'x'.repeat(65_535),
    `${'x'.repeat(65_534)}y`,
    '%41',
    'a%2fb',
  ];
  for (const [seq, clientId] of clientIds.entries()) {
    const store = fileStore(directory.path);
    assert.equal((await store.open(clientId)).existed, false, clientId.slice(0, 20));
    await store.append([put(seq)]);
    await store.close();
  }
  for (const [seq, clientId] of clientIds.entries()) {
    const store = fileStore(directory.path);
    const { ops, existed } = await store.open(clientId);
    assert.equal(existed, true);
    assert.deepEqual(await collect(ops), [put(seq)]);
    await store.close();
  }
});

test('appends that wait together share one sync, and resolve in order', async () => {
  const disk = new TestDisk(seededRandom(2));
  const store = await openOn(disk, {}, 1e6);
  await store.append([put(0)]);
  const before = disk.calls.filter(({ kind }) => kind === 'sync').length;
  const order: number[] = [];
  await Promise.all(Array.from({ length: 1_000 }, (_, seq) => store.append([put(seq + 1)]).then(() => order.push(seq))));
  const syncs = disk.calls.filter(({ kind }) => kind === 'sync').length - before;
  assert.ok(syncs <= 2, `${syncs} syncs`);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test('an append resolves only when its sync has come back', async () => {
  const disk = new TestDisk(seededRandom(3));
  const store = await openOn(disk);
  await store.append([put(1)]);
  let isSynced = false;
  disk.onCall = ({ kind }) => {
    if (kind === 'sync') isSynced = true;
    return undefined;
  };
  await store.append([put(2)]);
  assert.ok(isSynced);
});

test('a full store refuses messages with QUEUE_FULL, takes everything else, and messages again when there is room', async () => {
  const store = await openOn(new TestDisk(seededRandom(4)), { maxBytes: 1_000 });
  let seq = 0;
  const fill = async (): Promise<unknown> => {
    for (;;) await store.append([put((seq += 1), 50)]);
  };
  await assert.rejects(fill(), { name: 'MqttError', code: 'QUEUE_FULL', retryable: true });
  assert.equal(seq, 16);
  await assert.rejects(store.append([{ op: 'in.put', packetId: 1, packet: new Uint8Array(50) }]), { code: 'QUEUE_FULL' });
  await store.append([{ op: 'out.sent', seq: 1n, packetId: 1 }]);
  await store.append([{ op: 'out.rec', seq: 1n }]);
  await store.append([{ op: 'sub.put', filter: 'a', options: 0, id: 0 }]);
  await store.append([done(1)]);
  await store.append([put(17, 50)]);
  await assert.rejects(store.append([put(18, 50)]), { code: 'QUEUE_FULL' });
});

test('appends at once cannot overrun the bound together', async () => {
  const store = await openOn(new TestDisk(seededRandom(5)), { maxBytes: 1_000 });
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, seq) => store.append([put(seq, 50)])));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 15);
});

test('a queue that is drained as fast as it fills does not grow on the disk', async () => {
  const disk = new TestDisk(seededRandom(6));
  const store = await openOn(disk, {}, 2_000);
  await store.append([{ op: 'session', state: 'new' }, { op: 'sub.put', filter: 'a/#', options: 1, id: 7 }, put(1)]);
  let most = 0;
  for (let seq = 2; seq < 2_000; seq += 1) {
    await store.append([put(seq, 30)]);
    await store.append([{ op: 'out.sent', seq: BigInt(seq), packetId: seq }]);
    if (seq > 5) await store.append([done(seq - 3)]);
    most = Math.max(most, bytesOn(disk));
  }
  assert.ok(most < 12_000, `${most} bytes`);
  await store.close();
  const again = new FileStore('/data', {}, { fileSystem: disk, processes: new TestProcesses() });
  const { ops } = await again.open('client');
  const left = await collect(ops);
  assert.deepEqual(left[0], { op: 'session', state: 'new' });
  assert.deepEqual(left[2], put(1));
  // 1 to 3 were never done.
  assert.deepEqual(
    left.filter(({ op }) => op === 'out.put').map((op) => (op as { seq: bigint }).seq),
    [1n, 2n, 1997n, 1998n, 1999n],
  );
});

test('a replay gives only what matters, wherever it stands', async () => {
  const disk = new TestDisk(seededRandom(11));
  const store = await openOn(disk, {}, 200);
  const bytes = (fill: number): Uint8Array => new Uint8Array(30).fill(fill);
  const all: StoreOp[] = [
    put(1),
    { op: 'session', state: 'new' },
    { op: 'sub.put', filter: 'void', options: 0, id: 1 },
    { op: 'in.put', packetId: 1, packet: bytes(1) },
    { op: 'session', state: 'lost' },
    { op: 'sub.put', filter: 'a', options: 0, id: 1 },
    { op: 'in.put', packetId: 1, packet: bytes(2) },
    { op: 'in.handled', packetId: 1 },
    put(2),
    { op: 'out.sent', seq: 2n, packetId: 1 },
    { op: 'in.free', packetId: 1 },
    { op: 'in.put', packetId: 1, packet: bytes(3) },
    { op: 'sub.put', filter: 'a', options: 1, id: 2 },
    { op: 'sub.put', filter: 'b', options: 1, id: 3 },
    { op: 'sub.del', filter: 'b' },
    done(2),
    { op: 'out.sent', seq: 1n, packetId: 1 },
    { op: 'out.rec', seq: 2n },
  ];
  for (const op of all) await store.append([op]);
  await store.close();
  const again = new FileStore('/data', {}, { fileSystem: disk, processes: new TestProcesses() });
  const { ops } = await again.open('client');
  assert.deepEqual(await collect(ops), [all[0], all[4], all[11], all[12], all[16]]);
});

test('many openings leave one file, as long as it is short', async () => {
  const disk = new TestDisk(seededRandom(7));
  for (let seq = 0; seq < 50; seq += 1) {
    const store = await openOn(disk, {}, 10_000);
    await store.append([put(seq)]);
    await store.close();
  }
  assert.deepEqual(disk.paths, ['/data/session-client/00000001.log']);
  const store = new FileStore('/data', {}, { fileSystem: disk, processes: new TestProcesses() });
  const { ops } = await store.open('client');
  assert.equal((await collect(ops)).length, 50);
});

test('a disk that is full rejects what it cannot take, takes nothing of it, and goes on when there is room', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  for (let seed = 20; seed < 40; seed += 1) {
    const random = seededRandom(seed);
    const disk = new TestDisk(random);
    const store = await openOn(disk, {}, 400);
    const script = new SessionScript(random);
    const stored: StoreOp[] = [];
    let refused = 0;
    let isFull = false;
    disk.onCall = ({ kind, path }) => (isFull && path.includes('.') && ['write', 'open'].includes(kind) ? full : undefined);
    for (let count = 0; count < 80; count += 1) {
      isFull = random() < 0.3;
      const batch = script.nextBatch();
      const outcome = await store.append(batch).catch((error: unknown) => error);
      if (outcome === undefined) stored.push(...batch);
      else {
        refused += 1;
        assert.ok(outcome instanceof MqttError && outcome.code === 'STORE' && outcome.retryable, `seed ${seed}`);
      }
    }
    assert.ok(refused > 0);
    isFull = false;
    await store.close();
    const again = new FileStore('/data', {}, { fileSystem: disk, processes: new TestProcesses() });
    assert.equal(await openAndDescribe(again), describeSession(stored), `seed ${seed}`);
  }
});

test('a sync that fails is the end of the store, and is not tried again', async () => {
  const disk = new TestDisk(seededRandom(8));
  const store = await openOn(disk, {}, 1e6);
  await store.append([put(1)]);
  const broken = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  disk.onCall = ({ kind }) => (kind === 'sync' ? broken : undefined);
  const failing = [store.append([put(2)]), store.append([put(3)])];
  for (const append of failing) await assert.rejects(append, { code: 'STORE', retryable: false, cause: broken });
  disk.onCall = () => undefined;
  const calls = disk.calls.length;
  await assert.rejects(store.append([put(4)]), { code: 'STORE', cause: broken });
  assert.equal(disk.calls.length, calls);
  await assert.rejects(store.close(), { code: 'STORE' });
  const again = new FileStore('/data', {}, { fileSystem: disk, processes: new TestProcesses() });
  assert.deepEqual(await openAndDescribe(again), describeSession([put(1)]));
});

test('a write that cannot be taken back is the end of the store', async () => {
  const disk = new TestDisk(seededRandom(9));
  const store = await openOn(disk, {}, 1e6);
  await store.append([put(1)]);
  disk.onCall = ({ kind }) => (kind === 'write' || kind === 'truncate' ? new Error('EIO: i/o error') : undefined);
  await assert.rejects(store.append([put(2)]), { code: 'STORE' });
  disk.onCall = () => undefined;
  await assert.rejects(store.append([put(3)]), { code: 'STORE', message: /take back/ });
  await assert.rejects(store.close(), { code: 'STORE' });
});

test('a store is opened once, and takes nothing before and after', async () => {
  const store = new FileStore('/data', {}, { fileSystem: new TestDisk(seededRandom(10)), processes: new TestProcesses() });
  await assert.rejects(store.append([put(1)]), { code: 'STORE' });
  await openAndDescribe(store);
  await assert.rejects(store.open('client'), { code: 'INVALID' });
  await store.append([]);
  const last = store.append([put(1)]);
  await store.close();
  await last;
  await assert.rejects(store.append([put(2)]), { code: 'STORE' });
  await new FileStore('/data').close();
});

test('a store that is closed while it opens is free afterwards', async () => {
  const [disk, processes] = [new TestDisk(seededRandom(12)), new TestProcesses()];
  const store = new FileStore('/data', {}, { fileSystem: disk, processes });
  const opening = store.open('client');
  await store.close();
  await opening;
  await assert.rejects(store.append([put(1)]), { code: 'STORE' });
  await openAndDescribe(new FileStore('/data', {}, { fileSystem: disk, processes }));
});

test('options that mean nothing are INVALID', () => {
  assert.throws(() => fileStore('/data', { maxBytes: 0 }), { code: 'INVALID' });
  assert.throws(() => fileStore('/data', { sync: 'sometimes' as 'always' }), { code: 'INVALID' });
});

test('a directory that cannot be used is STORE', async () => {
  await using directory = await tempDirectory();
  const { writeFile } = await import('node:fs/promises');
  await writeFile(`${directory.path}/file`, '');
  await assert.rejects(fileStore(`${directory.path}/file`).open('client'), { code: 'STORE', message: /cannot be opened: ENOTDIR|EEXIST/ });
});
