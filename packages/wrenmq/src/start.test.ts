import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { StartedCommand } from './test-command.ts';

test('--print-ready prints one line of JSON, and SIGTERM ends with 0', async () => {
  await using directory = await tempDirectory();
  const command = new StartedCommand(['--print-ready', '--data', directory.path]);
  assert.deepEqual(await command.ready(), {
    ready: true,
    pid: command.child.pid,
    listeners: { tcp: { kind: 'tcp', address: '127.0.0.1', port: 4711 } },
    admin: { address: '127.0.0.1', port: 4712 },
    dataDirectory: directory.path,
  });
  command.child.kill('SIGTERM');
  assert.equal(await command.ended, 0);
  assert.equal(command.stdout.trimEnd().split('\n').length, 1);
});

test('two signals at once are one request', async () => {
  const command = new StartedCommand(['--dev', '--print-ready']);
  await command.ready();
  command.child.kill('SIGINT');
  command.child.kill('SIGINT');
  assert.equal(await command.ended, 0);
  assert.equal(command.stderr.split('stop was called').length, 2);
});

test('--dev keeps nothing: memory, and a data directory that goes away', async () => {
  const command = new StartedCommand(['--dev', '--print-ready']);
  const { dataDirectory } = (await command.ready()) as { dataDirectory: string };
  assert.ok(existsSync(dataDirectory));
  command.child.kill('SIGTERM');
  assert.equal(await command.ended, 0);
  assert.ok(!existsSync(dataDirectory));
  assert.match(command.stderr, /"durability":"memory"/);
});

test('a fatal fault of the store ends with 70', async () => {
  const command = new StartedCommand(['--dev'], { TEST_BROKER: 'fails' });
  assert.equal(await command.ended, 70);
  assert.match(command.stderr, /"level":"fatal".*the flush failed/);
});

test('an exception that nobody has caught ends with 70', async () => {
  const command = new StartedCommand(['--dev'], { TEST_BROKER: 'throws' });
  assert.equal(await command.ended, 70);
  assert.match(command.stderr, /"level":"fatal".*a bug/);
});

test('an address that is taken is one line without a stack, and ends with 1', async () => {
  const command = new StartedCommand(['--dev', '--set', 'log.level=silent'], { TEST_BROKER: 'refused' });
  assert.equal(await command.ended, 1);
  assert.equal(command.stderr, 'listen EADDRINUSE: address already in use 127.0.0.1:1883\n');
});

test('a wrong configuration ends with 2 and names every problem', async () => {
  const command = new StartedCommand(['--dev', '--set', 'listeners.tcp.bnd=1', '--set', 'log.level=loud']);
  assert.equal(await command.ended, 2);
  assert.match(command.stderr, /listeners\.tcp\.bnd[\s\S]*log\.level[\s\S]*2 problems/);
});

test('SIGHUP reads the configuration again; a wrong one changes nothing', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'wrenmq.yaml');
  const write = async (text: string) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await write('log: {level: info}\n');
  const command = new StartedCommand(['--config', file, '--data', directory.path, '--print-ready']);
  await command.ready();
  await write('log: {level: loud}\n');
  command.child.kill('SIGHUP');
  await command.logged('the old one stays');
  await write('log: {level: debug}\nstore: {bytesMax: 1GiB}\n');
  command.child.kill('SIGHUP');
  await command.logged('take effect at the next start');
  command.child.kill('SIGTERM');
  assert.equal(await command.ended, 0);
  assert.match(command.stderr, /"level":"debug","msg":"reload was called"/);
  assert.match(command.stderr, /"keys":\["store\.bytesMax"\]/);
});
