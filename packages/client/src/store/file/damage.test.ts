/** Files that are not as they were written: cut off by a crash, or damaged by something else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import { collect, describeSession, openAndDescribe, SessionScript } from '#store/test-session-model.ts';
import { FileStore } from './file-store.ts';
import { TestDisk, TestProcesses } from './test-disk.ts';

interface Written {
  readonly disk: TestDisk;
  readonly processes: TestProcesses;
  readonly batches: readonly StoreOp[][];
  /** Length of the last file after each batch. */
  readonly lengths: readonly number[];
  /** The last file. */
  readonly path: string;
}

function open(disk: TestDisk, processes: TestProcesses, segmentBytes = 2_000): FileStore {
  return new FileStore('/data', {}, { fileSystem: disk, processes, segmentBytes });
}

/** Appends the batches of a seed one after the other; the process is killed at the end, without closing. */
async function write(seed: number, count: number, segmentBytes?: number): Promise<Written> {
  const random = seededRandom(seed);
  const disk = new TestDisk(random);
  const processes = new TestProcesses();
  const store = open(disk, processes, segmentBytes);
  await openAndDescribe(store);
  const script = new SessionScript(random);
  const batches = Array.from({ length: count }, () => script.nextBatch()).filter((batch) => batch.length > 0);
  const lengths: number[] = [];
  for (const batch of batches) {
    await store.append(batch);
    lengths.push(disk.read(lastLog(disk)).length);
  }
  processes.replace();
  const killed = disk.afterKill();
  return { disk: killed, processes, batches, lengths, path: lastLog(killed) };
}

function listLogs(disk: TestDisk): string[] {
  return disk.paths.filter((path) => path.endsWith('.log'));
}

function lastLog(disk: TestDisk): string {
  return listLogs(disk).at(-1)!;
}

test('a file that ends at any byte is cut behind its last whole batch, and goes on', async () => {
  const written = await write(1, 12, 1e6);
  const content = Buffer.from(written.disk.read(written.path));
  for (let length = 0; length < content.length; length += 1) {
    written.disk.replace(written.path, content.subarray(0, length));
    const store = open(written.disk, written.processes);
    const count = written.lengths.filter((end) => end <= length).length;
    assert.equal(await openAndDescribe(store), describeSession(written.batches.slice(0, count).flat()), `cut at ${length}`);
    const more: StoreOp = { op: 'out.put', seq: 999n, qos: 2, packet: new Uint8Array(5) };
    await store.append([more]);
    await store.close();
    const again = await collectAndClose(written);
    assert.equal(
      describeSession(again),
      describeSession([...written.batches.slice(0, count).flat(), more]),
      `cut at ${length}, then appended`,
    );
    for (const path of listLogs(written.disk)) await written.disk.remove(path);
  }
});

async function collectAndClose({ disk, processes }: Written): Promise<StoreOp[]> {
  const store = open(disk, processes);
  const { ops } = await store.open('client');
  const all = await collect(ops);
  await store.close();
  return all;
}

test('a file whose length came to the disk before its bytes is cut, too', async () => {
  const written = await write(2, 12, 1e6);
  const content = Buffer.from(written.disk.read(written.path));
  for (let start = written.lengths.at(-2)!; start <= content.length - 8; start += 1) {
    written.disk.replace(written.path, Buffer.from(content).fill(0, start));
    const store = open(written.disk, written.processes);
    assert.equal(await openAndDescribe(store), describeSession(written.batches.slice(0, -1).flat()), `zeros from ${start}`);
    await store.close();
  }
});

test('any other damage is reported with file and position, and never read as if it were none', async () => {
  let reported = 0;
  for (let seed = 100; seed < 300; seed += 1) {
    const random = seededRandom(seed);
    const written = await write(seed, 30, 600);
    const paths = listLogs(written.disk);
    // What stands before a base counts for nothing.
    const bases = paths.map((file) => written.disk.read(file)[9] === 1);
    const counting = paths.slice(bases.lastIndexOf(true));
    const path = counting[Math.floor(random() * counting.length)];
    const content = Buffer.from(written.disk.read(path));
    const [at, length] = [Math.floor(random() * content.length), 1 + Math.floor(random() * 8)];
    // Bits that flip, bytes that are others, bytes that are missing, bytes that are too many.
    const kind = seed % 4;
    const bytes = Buffer.from(
      content.subarray(at, at + length).map((byte) => byte ^ (kind === 0 ? 1 << (seed % 8) : 1 + Math.floor(random() * 255))),
    );
    const rest = content.subarray(kind === 3 ? at : at + length);
    const damaged = Buffer.concat([content.subarray(0, at), ...(kind === 2 ? [] : [bytes]), rest]);
    // A last record that is too short is what a crash leaves.
    const [before, end] = written.lengths.slice(-2);
    const isCutOff = kind === 2 && path === written.path && at + length > (before < end ? before : 60);
    if (isCutOff || damaged.equals(content)) continue;
    written.disk.replace(path, damaged);
    const error = await openAndDescribe(open(written.disk, written.processes)).then(
      (found) => assert.fail(`seed ${seed}, kind ${kind}: ${path} at ${at} of ${content.length} was read as\n${found}`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof MqttError && error.code === 'STORE' && !error.retryable, `seed ${seed}: ${String(error)}`);
    assert.match(error.message, /damaged: \/data\/session-client\/\d+\.log at byte \d+/, `seed ${seed}`);
    assert.deepEqual(listLogs(written.disk), paths, `seed ${seed}: a file was removed`);
    reported += 1;
  }
  assert.ok(reported > 150, `${reported} damages were reported`);
});

test('a file that is missing is named', async () => {
  const written = await write(3, 40, 500);
  const paths = listLogs(written.disk);
  const bases = paths.map((file) => written.disk.read(file)[9] === 1);
  const counting = paths.slice(bases.lastIndexOf(true));
  assert.ok(counting.length > 2);
  for (const path of counting.slice(0, -1)) {
    const content = written.disk.read(path);
    await written.disk.remove(path);
    await assert.rejects(
      openAndDescribe(open(written.disk, written.processes)),
      { code: 'STORE', message: /\d+\.log at byte 0: the file is missing/ },
      path,
    );
    written.disk.replace(path, content);
  }
  assert.equal(describeSession(await collectAndClose(written)), describeSession(written.batches.flat()));
});

test('files of another client, of another number, or of a later version are refused', async () => {
  const written = await write(4, 5, 1e6);
  const content = Buffer.from(written.disk.read(written.path));
  const other = written.path.replace('session-client', 'session-other');
  written.disk.replace(other, content);
  await assert.rejects(open(written.disk, written.processes).open('other'), { code: 'STORE', message: /another client id/ });
  const renamed = written.path.replace('00000001', '00000002');
  await written.disk.remove(written.path);
  written.disk.replace(renamed, content);
  await assert.rejects(open(written.disk, written.processes).open('client'), { code: 'STORE', message: /calls itself 00000001\.log/ });
});

test('a damage that compaction finds fails the store', async () => {
  const random = seededRandom(5);
  const disk = new TestDisk(random);
  const store = open(disk, new TestProcesses(), 300);
  await openAndDescribe(store);
  const [path] = [`/data/session-client/00000001.log`];
  const put = (seq: bigint): Promise<void> => store.append([{ op: 'out.put', seq, qos: 1, packet: new Uint8Array(100) }]);
  for (let seq = 1n; seq <= 3n; seq += 1n) await put(seq);
  const content = Buffer.from(disk.read(path));
  content[100] ^= 1;
  disk.replace(path, content);
  const failing = async (): Promise<void> => {
    for (let seq = 1n; seq <= 50n; seq += 1n) {
      await store.append([{ op: 'out.done', seq }]);
      await put(seq + 3n);
    }
  };
  await assert.rejects(failing(), { code: 'STORE', message: /damaged: .*00000001\.log/ });
  await assert.rejects(store.close(), { code: 'STORE' });
  assert.ok(disk.paths.includes(path));
});
