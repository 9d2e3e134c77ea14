import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { tempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import { TestDoor } from './test-door.ts';

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

test('a Unix socket has the mode that was asked for, carries bytes, and is removed on close', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'mqtt.sock');
  const door = await TestDoor.open({ kind: 'unix', name: 'unix.test', bind: { path, mode: 0o600 } });
  assert.deepEqual(door.bound, { path });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const client = net.connect(path);
  client.write('hello');
  const handler = await door.handler();
  assert.equal((await handler.untilReceived(5)).toString(), 'hello');
  assert.deepEqual([handler.link.peer, handler.link.transport], [{ address: '', port: 0 }, 'unix']);
  assert.equal(handler.link.write(Buffer.from('world')), true);
  assert.equal(String((await once(client, 'data'))[0]), 'world');
  await door.listener.close();
  assert.equal(await exists(path), false);
});

test('the mode of a Unix socket is 0660 unless given', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'mqtt.sock');
  await using _ = await TestDoor.open({ kind: 'unix', bind: { path } });
  assert.equal((await stat(path)).mode & 0o777, 0o660);
});

test('the socket file of a dead process is removed', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'mqtt.sock');
  const child = spawn(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`,
  ]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await exists(path), true);
  await using door = await TestDoor.open({ kind: 'unix', bind: { path } });
  const client = net.connect(path);
  await door.handler();
  client.destroy();
});

test('the socket file of a live process, and a file that is no socket, are refused and left alone', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'mqtt.sock');
  await using door = await TestDoor.open({ kind: 'unix', bind: { path } });
  await assert.rejects(TestDoor.open({ kind: 'unix', bind: { path } }), /a running process listens there/);
  const client = net.connect(path);
  await door.handler();
  client.destroy();
  const file = join(directory.path, 'file');
  await writeFile(file, 'precious');
  await assert.rejects(TestDoor.open({ kind: 'unix', bind: { path: file } }), /unix:.*file: .*the file is no socket/);
  assert.equal(await exists(file), true);
});

test('a directory that is missing is named in the error', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'missing', 'mqtt.sock');
  await assert.rejects(TestDoor.open({ kind: 'unix', bind: { path } }), /the directory does not exist|no permission/);
  await chmod(directory.path, 0o700);
});
