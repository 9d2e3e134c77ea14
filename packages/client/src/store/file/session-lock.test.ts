import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom, tempDirectory } from '@wrenmq/testkit';
import { fileStore } from './index.ts';
import { machineProcesses } from './process-table.ts';
import { SessionLock } from './session-lock.ts';
import { TestDisk, TestProcesses } from './test-disk.ts';

const locked = { name: 'MqttError', code: 'SESSION_LOCKED', retryable: true };

test('two stores in one process exclude each other', async () => {
  await using directory = await tempDirectory();
  const first = fileStore(directory.path);
  await first.open('client');
  await assert.rejects(fileStore(directory.path).open('client'), locked);
  const other = fileStore(directory.path);
  await other.open('other');
  await other.close();
  const second = fileStore(directory.path);
  await assert.rejects(second.open('client'), locked);
  await first.close();
  // The same store may try again.
  await second.open('client');
  await second.close();
});

test('another process is excluded while it lives, and taken over from when it was killed', async () => {
  await using directory = await tempDirectory();
  const source = `
    import { fileStore } from '${new URL('./index.ts', import.meta.url).href}';
    const store = fileStore(process.argv[2]);
    await store.open('client');
    await store.append([{ op: 'out.put', seq: 1n, qos: 2, packet: new Uint8Array(3) }]);
    process.send('open');
  `;
  const script = join(directory.path, 'holder.ts');
  await writeFile(script, source);
  const holder = fork(script, [directory.path], { execArgv: ['--conditions=@wrenmq/source'] });
  await once(holder, 'message');
  await assert.rejects(fileStore(directory.path).open('client'), { ...locked, message: new RegExp(`process ${holder.pid} .*lock\\.1`) });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const store = fileStore(directory.path);
  const { existed } = await store.open('client');
  assert.equal(existed, true);
  assert.deepEqual(
    (await readdir(join(directory.path, 'session-client'))).filter((name) => name.startsWith('lock')),
    ['lock.2'],
  );
  await store.close();
  assert.deepEqual(
    (await readdir(join(directory.path, 'session-client'))).filter((name) => name.startsWith('lock')),
    [],
  );
});

test('a lock of an earlier process with the same number, of an earlier start of the machine, or without content holds nobody up', async () => {
  await using directory = await tempDirectory();
  const store = fileStore(directory.path);
  await store.open('client');
  const path = join(directory.path, 'session-client', 'lock.1');
  const holder = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await store.close();
  const abandoned = [
    JSON.stringify({ ...holder, start: '1' }),
    JSON.stringify({ ...holder, boot: 'earlier' }),
    JSON.stringify({ ...holder, pid: 4_194_305 }),
    '{"pid":0}',
    '',
    '\0'.repeat(60),
  ];
  for (const text of abandoned) {
    await writeFile(path, text);
    const next = fileStore(directory.path);
    await next.open('client');
    await next.close();
  }
  await writeFile(path, JSON.stringify({ ...holder, host: 'elsewhere' }));
  await assert.rejects(fileStore(directory.path).open('client'), locked);
});

test('processes are told apart from later ones with the same number', async () => {
  const self = await machineProcesses.self();
  assert.equal(await machineProcesses.isRunning(self), true);
  assert.equal(await machineProcesses.isRunning({ ...self, start: `${self.start}0` }), self.start === '');
  // Process 1 belongs to somebody else on most machines, and is there on all.
  assert.equal(await machineProcesses.isRunning({ ...self, pid: 1, start: '' }), true);
});

test('of many that find an abandoned lock at once at most one gets it', async () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = seededRandom(seed);
    const disk = new TestDisk(random);
    const processes = new TestProcesses();
    await SessionLock.acquire(disk, '/data', processes);
    processes.replace();
    // Each call takes a random time, so that every order comes up.
    disk.onCall = () => undefined;
    const slow = new Proxy(disk, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          for (let turns = Math.floor(random() * 6); turns > 0; turns -= 1) await new Promise(setImmediate);
          return Reflect.apply(value, target, given) as unknown;
        };
      },
    });
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => SessionLock.acquire(slow, '/data', processes)));
    const winners = outcomes.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(winners <= 1, `seed ${seed}: ${winners} have it`);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.equal((outcome.reason as { code: string }).code, 'SESSION_LOCKED');
    assert.equal(disk.paths.length, winners, disk.paths.join(' '));
  }
});
