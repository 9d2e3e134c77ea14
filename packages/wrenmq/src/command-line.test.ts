import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { readPasswordFile } from '@wrenmq/broker/administration';
import { tempDirectory } from '@wrenmq/testkit';
import { runCommand } from './test-command.ts';

test('--version and version tell it on standard output', () => {
  assert.deepEqual(runCommand(['--version']), { status: 0, stdout: '0.1.0\n', stderr: '' });
  assert.match(runCommand(['version']).stdout, /^wrenmq 0\.1\.0 \(Node\.js /);
});

test('wrong usage ends with 2 and says what was meant', () => {
  const { status, stdout, stderr } = runCommand(['strat']);
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
  assert.match(stderr, /Did you mean start\?/);
  assert.equal(runCommand(['start', '--no-such-option']).status, 2);
});

test('config check names the line of a problem and ends with 2, and with 0 when there is none', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'wrenmq.yaml');
  await writeFile(file, 'log:\n  level: loud\n');
  const { status, stderr } = runCommand(['config', 'check', file]);
  assert.equal(status, 2);
  assert.ok(stderr.startsWith(`${file}:2:10: log.level`), stderr);
  await writeFile(file, 'log:\n  level: warn\n');
  assert.equal(runCommand(['config', 'check', '--config', file]).status, 0);
});

test('config show prints the result of all layers as YAML, or as JSON', () => {
  const env = { WRENMQ_LOG__LEVEL: 'warn' };
  const args = ['config', 'show', '--set', 'listeners.tcp.bind=127.0.0.1:0'];
  assert.match(runCommand(args, { env }).stdout, /bind: 127\.0\.0\.1:0[\s\S]*level: warn/);
  const shown = JSON.parse(runCommand([...args, '--json'], { env }).stdout) as Record<string, { level?: string }>;
  assert.equal(shown['log']?.level, 'warn');
});

test('config explain tells where a value comes from, and ends with 2 for a key that does not exist', () => {
  const { stdout } = runCommand(['config', 'explain', 'log.level'], { env: { WRENMQ_LOG__LEVEL: 'warn' } });
  assert.match(stdout, /value +warn\n +set by +WRENMQ_LOG__LEVEL\n +default +info/);
  assert.equal(runCommand(['config', 'explain', 'log.levle']).status, 2);
});

test('a reader who goes away ends a command with success, and without a word', async () => {
  for (const args of [['bench', 'conn', '--help'], ['sub', '--help'], ['explain'], ['config', 'schema']]) {
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, ['--conditions=@wrenmq/source', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
    assert.deepEqual([child.exitCode, stderr], [0, ''], args.join(' '));
  }
});

test('--quiet leaves errors out, but for wrong usage', () => {
  const quiet = runCommand(['bench', 'conn', '-p', '1', '-h', '127.0.0.1', '--quiet']);
  assert.deepEqual([quiet.status, quiet.stderr], [3, '']);
  const wrong = runCommand(['bench', 'conn', '--rate', 'x', '--quiet']);
  assert.deepEqual([wrong.status, /--rate x/.test(wrong.stderr)], [2, true]);
});

test('config schema is JSON', () => {
  assert.equal((JSON.parse(runCommand(['config', 'schema']).stdout) as { title: string }).title, 'WrenMQ configuration');
});

test('passwd adds, changes and deletes users', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'passwords');
  assert.equal(runCommand(['passwd', '-b', file, 'ann', 'secret']).status, 0);
  assert.equal(runCommand(['passwd', '--stdin', '--scram', file, 'bob'], { input: 'geheim\n' }).status, 0);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const users = (await readPasswordFile(file))?.users;
  assert.deepEqual([...(users?.keys() ?? [])], ['ann', 'bob']);
  assert.match(await readFile(file, 'utf8'), /^bob:\$[^:]+:\$scram-sha-256\$/m);
  assert.equal(runCommand(['passwd', '-D', file, 'ann']).status, 0);
  assert.equal(runCommand(['passwd', '-D', file, 'ann']).status, 1);
  assert.equal(runCommand(['passwd', '-c', '-b', file, 'eve', 'x']).status, 0);
  assert.deepEqual([...((await readPasswordFile(file))?.users.keys() ?? [])], ['eve']);
});

test('passwd does not take a password from the command line unasked, nor ask without a terminal', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'passwords');
  assert.equal(runCommand(['passwd', file, 'ann', 'secret']).status, 2);
  const { status, stderr } = runCommand(['passwd', file, 'ann']);
  assert.equal(status, 2);
  assert.match(stderr, /--stdin/);
});

test('setup makes a user who lets a listener open beyond loopback, and shows the password once', async () => {
  await using directory = await tempDirectory();
  const cwd = directory.path;
  const beyond = ['config', 'check', '--data', 'data', '--set', 'listeners.tcp.bind=0.0.0.0:1883'];
  assert.equal(runCommand(beyond, { cwd }).status, 2);
  const { status, stdout } = runCommand(['setup', '--data', 'data', '--bind', '0.0.0.0:1883'], { cwd });
  assert.equal(status, 0);
  assert.match(stdout, /^user: +wren\npassword: +[\w-]{20}\n$/);
  assert.equal(runCommand(beyond, { cwd }).status, 0);
  assert.equal(runCommand(['config', 'check', 'wrenmq.yaml'], { cwd }).status, 0);
  assert.match(await readFile(join(cwd, 'wrenmq.yaml'), 'utf8'), /bind: 0\.0\.0\.0:1883/);
  const again = runCommand(['setup', '--data', 'data'], { cwd });
  assert.equal(again.status, 1);
  assert.match(again.stderr, /wrenmq passwd/);
});
