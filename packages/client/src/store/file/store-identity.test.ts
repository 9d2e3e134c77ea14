import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom, tempDirectory } from '@wrenmq/testkit';
import { FileStore } from './file-store.ts';
import { fileStore } from './index.ts';
import { readStoreIdentity } from './store-identity.ts';
import { TestDisk, TestProcesses } from './test-disk.ts';

test('a directory has a client id of its own, the same for everyone who opens it, at once or later', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'deep', 'below');
  const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => fileStore(path).identify!()));
  assert.match(first, /^[0-9a-zA-Z]{1,23}$/);
  assert.deepEqual(new Set(others), new Set([first]));
  assert.equal(await fileStore(path).identify!(), first);
  assert.deepEqual(await readdir(path), ['client-id']);
  assert.equal(await readFile(join(path, 'client-id'), 'utf8'), `${first}\n`);
  assert.notEqual(await fileStore(directory.path).identify!(), first);
});

test('a client id that was given to somebody outlives a power cut, and one that was not is no half one', async () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const random = seededRandom(seed);
    const disk = new TestDisk(random);
    const callsMax = Math.floor(random() * 10);
    disk.onCall = () => (disk.calls.length > callsMax ? 'die' : undefined);
    const given = await readStoreIdentity(disk, '/data').catch(() => undefined);
    const later = await readStoreIdentity(disk.afterPowerCut(), '/data');
    assert.match(later, /^wren[0-9a-f]{16}$/, `seed ${seed}`);
    if (given !== undefined) assert.equal(later, given, `seed ${seed}`);
  }
});

test('a file without a client id is reported, by its name', async () => {
  await using directory = await tempDirectory();
  await writeFile(join(directory.path, 'client-id'), '\n');
  await assert.rejects(fileStore(directory.path).identify!(), { code: 'STORE', message: /client-id at byte 0/ });
  await writeFile(join(directory.path, 'client-id'), 'chosen by hand');
  assert.equal(await fileStore(directory.path).identify!(), 'chosen by hand');
});

test('a directory that cannot be made is an error of the store', async () => {
  await assert.rejects(fileStore('/dev/null/below').identify!(), { code: 'STORE' });
});

test('closing waits for a client id that is being made', async () => {
  const disk = new TestDisk(seededRandom(1));
  const store = new FileStore('/data', {}, { fileSystem: disk, processes: new TestProcesses() });
  const identified = store.identify();
  await store.close();
  assert.deepEqual(disk.paths, ['/data/client-id']);
  await identified;
});
