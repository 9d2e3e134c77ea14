import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, createClient } from '@wrenmq/client';
import { fileStore } from '@wrenmq/client/store/file';
import { repository, tempDirectory } from '@wrenmq/testkit';
import { ClientBroker, take, texts } from './client-broker.ts';

// A client with a durable store and without a client id: the store has one.

test('a client that has only a directory finds its session again', async () => {
  await using directory = await tempDirectory();
  await using house = await ClientBroker.launch();
  const options = () => ({ session: { store: fileStore(directory.path) } });
  const first = await house.connect(options());
  const { clientId } = first;
  await first.subscribe('kept/#', { qos: 1 });
  await first.close();
  const publisher = await house.connect();
  await publisher.publish('kept/a', 'while away', { qos: 1 });
  const second = house.create(options());
  let sessionPresent: unknown;
  second.on('online', (event) => (sessionPresent = event.sessionPresent));
  assert.deepEqual(texts(await take(await second.subscribe('kept/#', { qos: 1 }), 1)), ['while away']);
  assert.deepEqual([second.clientId, sessionPresent], [clientId, true]);
});

test('of two processes with one directory the second gets SESSION_LOCKED, and what the first left when that was killed', async () => {
  await using directory = await tempDirectory();
  await using house = await ClientBroker.launch();
  const source = `
    import { createClient } from '@wrenmq/client';
    import { fileStore } from '@wrenmq/client/store/file';
    const client = createClient('mqtt://127.0.0.1:1', { session: { store: fileStore(process.argv[1]) } });
    await client.enqueue('left/behind', 'x', { qos: 2 });
    process.send(client.clientId);
  `;
  const args = ['--conditions=@wrenmq/source', '--input-type=module', '--eval', source, directory.path];
  const holder = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const [clientId] = (await once(holder, 'message')) as [string];
    const locked = createClient(house.url, { session: { store: fileStore(directory.path) } });
    await assert.rejects(locked.online(), { code: 'SESSION_LOCKED' });
    await assert.rejects(connect(house.url, { session: { store: fileStore(directory.path) } }), { code: 'SESSION_LOCKED' });
    const witness = await house.connect();
    const stream = await witness.subscribe('left/#', { qos: 2 });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const heir = await house.connect({ session: { store: fileStore(directory.path) } });
    assert.equal(heir.clientId, clientId);
    assert.deepEqual(texts(await take(stream, 1)), ['x']);
  } finally {
    holder.kill('SIGKILL');
  }
});
