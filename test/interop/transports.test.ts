import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tempDirectory, TestAuthority, WireClient, type ProtocolVersion } from '@wrenmq/testkit';
import { useLaunchedBroker } from './interop.ts';

// Every transport of a broker that runs as users run it, and that clients of all of them meet.

const directory = await tempDirectory();
after(() => directory.remove());
const place = useLaunchedBroker({
  settings: {
    'listeners.local.kind': 'tcp',
    'listeners.local.bind': `unix:${join(directory.path, 'mqtt.sock')}`,
    'listeners.six.kind': 'tcp',
    'listeners.six.bind': '[::1]:0',
  },
});

for (const version of [3, 4, 5] as const satisfies readonly ProtocolVersion[]) {
  test(`[MQTT-4.2.0-1] [MQTT311-7.1.1-1] clients on every transport reach each other (version ${version})`, async (t) => {
    const tls = { ca: await place.ca(), servername: 'localhost' };
    const targets = ['tcp', 'local', 'six', 'ws'].map((name) => place.broker.target(name));
    for (const name of ['tls', 'tls1884', 'wss']) targets.push({ ...place.broker.target(name), tls });
    const clients: WireClient[] = [];
    for (const [i, target] of targets.entries()) {
      const client = await WireClient.open(target, version);
      t.after(() => client.transport.destroy());
      await client.connect({ clientId: `transport-${version}-${i}` });
      await client.subscribe({ filter: `transports/${version}/#`, qos: 1 });
      clients.push(client);
    }
    for (const [i, client] of clients.entries()) {
      await client.publish({ topic: `transports/${version}/${i}`, payload: 'x'.repeat(100_000), qos: 1 });
      for (const other of clients) {
        const message = await other.receive();
        assert.deepEqual([message.topic, message.payload.length], [`transports/${version}/${i}`, 100_000]);
      }
    }
  });
}

test('a client that does not trust the authority of the broker does not connect', async () => {
  const { certificate } = await TestAuthority.create(directory.path);
  await assert.rejects(
    WireClient.open({ ...place.broker.target('tls'), tls: { ca: certificate.cert, servername: 'localhost' } }),
    /certificate/,
  );
});
