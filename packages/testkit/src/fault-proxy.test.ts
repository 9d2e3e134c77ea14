import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { FaultProxy } from './fault-proxy.ts';
import { WireClient } from './wire-client.ts';
import { frame } from './bytes.ts';

/** A server that answers every connection with what `serve` does. */
async function serverFor(t: TestContext, serve: (socket: Socket) => void): Promise<{ port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port };
}

test('bytes that are split at random places arrive whole and in order', async (t) => {
  const packets = Buffer.concat(Array.from({ length: 50 }, (_, i) => frame(0x30, Buffer.from([0, 1, 0x61]), Buffer.alloc(i, i))));
  const place = await serverFor(t, (socket) => socket.write(packets));
  await using proxy = await FaultProxy.start(place, 7);
  Object.assign(proxy.toClient, { pieceBytes: 5, isRandomlySplit: true });
  const client = await WireClient.open(proxy.target, 4);
  for (let i = 0; i < 50; i += 1) assert.deepEqual((await client.expect('publish')).payload, Buffer.alloc(i, i));
});

test('a stalled direction keeps its bytes until it is released, and the other goes on', async (t) => {
  let receivedBytes = 0;
  const place = await serverFor(t, (socket) => {
    socket.write(frame(0xd0));
    socket.on('data', (bytes) => {
      receivedBytes += bytes.length;
      socket.write(frame(0xd0));
    });
  });
  await using proxy = await FaultProxy.start(place);
  proxy.stall('toBroker', true);
  const client = await WireClient.open(proxy.target, 4);
  client.send(frame(0xc0));
  await client.expect('pingresp');
  assert.equal(receivedBytes, 0);
  proxy.stall('toBroker', false);
  await client.expect('pingresp');
  assert.equal(receivedBytes, 2);
});

test('a connection is cut after the named number of bytes', async (t) => {
  const place = await serverFor(t, (socket) => socket.write(Buffer.concat([frame(0xd0), frame(0xd0)])));
  await using proxy = await FaultProxy.start(place);
  proxy.toClient.cutAfterBytes = 3;
  const client = await WireClient.open(proxy.target, 4);
  await client.expect('pingresp');
  await client.expectClose();
});
