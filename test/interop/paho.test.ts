import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tempDirectory, TestAuthority, WireClient } from '@wrenmq/testkit';
import { needs, run, useLaunchedBroker } from './interop.ts';

// paho 1.6, as the documents that our users read show it.

const directory = await tempDirectory();
after(() => directory.remove());
const authority = await TestAuthority.create(directory.path);
const certificate = await authority.issue({ commonName: 'python' });
const place = useLaunchedBroker({
  settings: {
    'listeners.mutual.kind': 'tls',
    'listeners.mutual.bind': '127.0.0.1:0',
    'listeners.mutual.tls.ca': authority.certificate.certFile,
    'listeners.mutual.tls.clientCertificate': 'required',
  },
});
const options = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };
/** Debian's own, which has the packages of Debian. */
const python = '/usr/bin/python3';

/** Runs an example, `connections.callbacks`, against a listener; gives the objects that it prints. */
async function example(name: string, listener = 'tcp'): Promise<Record<string, unknown>[]> {
  const [file, one] = name.split('.');
  const script = join(import.meta.dirname, 'paho', `${file}.py`);
  const args = [`${place.port(listener)}`, place.caFile, certificate.certFile, certificate.keyFile];
  const { stdout } = await run(python, ['-B', script, one, ...args]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function watch(filter: string): Promise<WireClient> {
  const client = await WireClient.open(place.broker.target(), 4);
  await client.connect({ clientId: `watch ${filter}` });
  await client.subscribe({ filter, qos: 1 });
  return client;
}

test('a client with callbacks publishes and receives, whatever user name it gives to a broker that asks for none', options, async () => {
  assert.deepEqual(await example('connections.callbacks'), [
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
  ['tls_verified', 'tls1884'],
  ['tls_insecure', 'tls1884'],
  ['tls_certificate', 'mutual'],
  ['websockets', 'ws'],
  ['websockets_tls', 'wss'],
] as const) {
  test(`${name.replace('_', ', ')} works on the listener ${listener}`, options, async () => {
    assert.deepEqual(await example(`connections.${name}`, listener), [
      { event: 'connect', rc: 0 },
      { event: 'message', payload: 'connection test' },
    ]);
  });
}

test('a client in the event loop of somebody else works at every QoS', options, async () => {
  assert.deepEqual(await example('connections.external_loop'), [{ event: 'messages', messages: ['0', '1', '2'] }]);
});

test('a client that was put out by another of the same id comes back by itself', options, async () => {
  assert.deepEqual(await example('connections.same_client_id'), [{ event: 'back', was_unexpected: true }]);
});

test('the will of who is killed or falls silent is published, not that of who leaves', options, async () => {
  const watcher = await watch('will/test');
  await example('connections.will_of_who_leaves');
  for (const what of ['is killed', 'is silent']) {
    await example(`connections.will_of_who_${what.replace(' ', '_')}`);
    assert.equal((await watcher.receive()).payload.toString(), `遗嘱消息 of who ${what}`);
  }
  await watcher.cut();
});

test('a client in a thread pool under asyncio works', options, async () => {
  assert.deepEqual(await example('workers.executor'), [{ event: 'messages', messages: ['0', '1', '2'] }]);
});

test('worker threads publish with the client whose messages they are given', options, async () => {
  assert.deepEqual(await example('workers.threads'), [{ event: 'done', payloads: Array.from({ length: 20 }, (_, i) => i) }]);
});

test('a pipeline gets each message at the QoS of its subscription, and publishes from within the callback', options, async () => {
  const rows = [
    ['events/door', 2],
    ['logs/events', 0],
    ['sensors/a/humidity', 1],
    ['sensors/a/temperature', 1],
  ];
  assert.deepEqual(await example('workers.pipeline'), [{ event: 'kept', rows }]);
});

test('a persistent session is given what came while its client was away', options, async () => {
  assert.deepEqual(await example('sessions.session'), [
    { event: 'connect', session: 1 },
    { event: 'messages', messages: ['kept', 'kept', 'kept'] },
  ]);
});

test('publish.single, publish.multiple and subscribe.simple work, with retained messages', options, async () => {
  const messages = [
    ['helpers/one', '1', 1, 1],
    ['helpers/three', '3', 0, 1],
    ['helpers/two', '2', 2, 1],
  ];
  assert.deepEqual(await example('sessions.helpers'), [{ event: 'messages', messages }]);
});

test('subscribe.simple with a session is given what publish.single sent between two calls', options, async () => {
  assert.deepEqual(await example('sessions.simple_offline'), [{ event: 'messages', messages: ['first', 'second', 'third'] }]);
});

test('payloads of every kind are retained until an empty one ends it', options, async () => {
  const messages = ['text', Buffer.from([0, 255]), '42', '2.5'].map((payload, i) => [
    `retain/${i}`,
    Buffer.from(payload).toString('hex'),
    1,
  ]);
  assert.deepEqual(await example('sessions.retained'), [{ event: 'retained', messages, left: 'retain/last' }]);
});

test('a session of MQTT 5 lives as long as its Session Expiry Interval says', options, async () => {
  assert.deepEqual(await example('sessions.session_expiry'), [
    { event: 'session', present: 1, messages: ['while away', 'now'] },
    { event: 'session', present: 0, messages: ['now'] },
  ]);
});

test('MQTT 5 works with properties and subscription options', options, async () => {
  const user = [
    ['k', '1'],
    ['k', '2'],
  ];
  assert.deepEqual(await example('version5.properties'), [
    { event: 'connect', reason: 'Success', session: 0 },
    { event: 'subscribe', reasons: ['Granted QoS 2'] },
    { event: 'message', retain: 1, expiry: 30, type: 'text/plain', user },
  ]);
});

test('No Local, Retain As Published and Retain Handling do what they say', options, async () => {
  const [kept, live] = [
    ['cleared', 'end', 'kept'],
    ['cleared', 'end'],
  ];
  assert.deepEqual(await example('version5.subscription_options'), [
    { event: 'first', handling: 0, messages: kept },
    { event: 'again', handling: 0, messages: kept },
    { event: 'first', handling: 1, messages: kept },
    { event: 'again', handling: 1, messages: live },
    { event: 'first', handling: 2, messages: live },
    { event: 'again', handling: 2, messages: live },
  ]);
});

test('user properties arrive in their order', options, async () => {
  const user = [
    ['type', 'JSON'],
    ['region', 'A'],
    ['type', ''],
  ];
  assert.deepEqual(await example('version5.user_properties'), [{ event: 'message', user }]);
});

test('members of a shared subscription without client ids get ids, and each message once', options, async () => {
  assert.deepEqual(await example('version5.shared'), [
    { event: 'shared', payloads: Array.from({ length: 10 }, (_, i) => i), topics: ['shared/topic'] },
    { event: 'assigned', differ: true },
  ]);
});

test('a question is answered by its response topic and correlation data', options, async () => {
  assert.deepEqual(await example('version5.request_response'), [{ event: 'answer', payload: 'now', correlation: '0001' }]);
});

test('a client is not sent what is larger than its Maximum Packet Size', options, async () => {
  assert.deepEqual(await example('version5.maximum_packet_size'), [{ event: 'message', payload: 'small' }]);
});

test('subscription identifiers tell which subscriptions a message is for', options, async () => {
  assert.deepEqual(await example('version5.subscription_identifiers'), [{ event: 'identifiers', found: [1, 200_000] }]);
});
