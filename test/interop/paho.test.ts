import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needs, pahoExamples, python, run, useLaunchedBroker } from './interop.ts';

// paho 1.6, as the documents that our users read show it.

const place = useLaunchedBroker();
const options = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };

async function example(name: string, listener: string): Promise<Record<string, unknown>[]> {
  const { stdout } = await run(python, [pahoExamples, name, `${place.port(listener)}`, place.caFile]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a client with callbacks publishes and receives, whatever user name it gives to a broker that asks for none', options, async () => {
  assert.deepEqual(await example('callbacks', 'tcp'), [
    { event: 'connect', rc: 0 },
    { event: 'subscribe', granted: [0] },
    { event: 'messages', messages: ['hello', 'data', 'status'].map((name) => [`python/test/${name}`, 0, 0]) },
    { event: 'disconnect', rc: 0 },
  ]);
});

for (const [name, listener] of [
  ['tls_unverified', 'tls'],
  ['tls_unverified', 'tls1884'],
  ['tls_verified', 'tls'],
  ['websockets', 'ws'],
  ['websockets_tls', 'wss'],
] as const) {
  test(`${name.replace('_', ', ')} works on the listener ${listener}`, options, async () => {
    assert.deepEqual(await example(name, listener), [
      { event: 'connect', rc: 0 },
      { event: 'message', payload: 'connection test' },
    ]);
  });
}

test('a client in a thread pool under asyncio works', options, async () => {
  assert.deepEqual(await example('executor', 'tcp'), [{ event: 'messages', messages: ['0', '1', '2'] }]);
});

test('a persistent session is given what came while its client was away', options, async () => {
  assert.deepEqual(await example('session', 'tcp'), [
    { event: 'connect', session: 1 },
    { event: 'messages', messages: ['kept', 'kept', 'kept'] },
  ]);
});

test('publish.single, publish.multiple and subscribe.simple work, with retained messages', options, async () => {
  assert.deepEqual(await example('helpers', 'tcp'), [
    {
      event: 'messages',
      messages: [
        ['helpers/one', '1', 1, 1],
        ['helpers/three', '3', 0, 1],
        ['helpers/two', '2', 2, 1],
      ],
    },
  ]);
});

test('MQTT 5 works with properties and subscription options', options, async () => {
  assert.deepEqual(await example('version5', 'tcp'), [
    { event: 'connect', reason: 'Success', session: 0 },
    { event: 'subscribe', reasons: ['Granted QoS 2'] },
    {
      event: 'message',
      retain: 1,
      expiry: 30,
      type: 'text/plain',
      user: [
        ['k', '1'],
        ['k', '2'],
      ],
    },
  ]);
});
