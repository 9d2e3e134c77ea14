import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { untakenBytes } from './socket-handle.ts';

test('what the kernel has not taken is known within a write, and nothing of it is left at the end', async () => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const total = 64 * 1024 * 1024;
  // The first write is on its way alone; all others gather behind it and go as one.
  for (let sent = 0; sent < total; sent += 1024 * 1024) socket.write(Buffer.alloc(1024 * 1024));
  let isFiner = false;
  let received = 0;
  peer.on('data', (bytes) => {
    received += bytes.length;
    const untaken = untakenBytes(socket);
    assert.ok(untaken >= 0 && untaken <= socket.writableLength, `${untaken} of ${socket.writableLength}`);
    if (untaken > 0 && untaken < socket.writableLength) isFiner = true;
  });
  while (received < total) await setImmediate();
  assert.equal(isFiner, true);
  while (socket.writableLength > 0) await setImmediate();
  assert.equal(untakenBytes(socket), 0);
  peer.destroy();
  socket.destroy();
  server.close();
  await once(server, 'close');
});
