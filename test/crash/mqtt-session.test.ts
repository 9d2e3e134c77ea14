import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { publishBytes } from '@wrenmq/testkit';
import { MqttSession } from './mqtt-session.ts';

test('messages that lie behind CONNACK in the same bytes belong to the new connection', async (t) => {
  const connack = Buffer.of(0x20, 2, 1, 0);
  const server = createServer((socket) => {
    socket.once('data', () => socket.write(Buffer.concat([connack, publishBytes(4, { topic: 'a', qos: 1, packetId: 1 })])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const seen: string[] = [];
  const nothing = (): void => {};
  const session = new MqttSession(
    { clientId: 'late', version: 4, expirySeconds: Infinity },
    {
      onSending: nothing,
      onAcknowledged: nothing,
      onRefused: nothing,
      onFinished: nothing,
      onClosed: nothing,
      onMessage: ({ topic }) => seen.push(topic),
    },
  );
  t.after(() => session.cut());
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  assert.equal(await session.connect(target, false, () => seen.push('connected')), true);
  assert.deepEqual(seen, ['connected', 'a']);
});
