import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { autoSubscribe, type LogFields, type Logger } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { connectBytes, launchBroker, publishBytes, subscribeBytes, tempDirectory, WireClient } from '@wrenmq/testkit';
import { embed, settings } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };

function automatic(...topics: readonly object[]): { settings: object } {
  return { settings: { autoSubscribe: { topics } } };
}

test('a client that connects is subscribed after CONNACK, and its next packet comes after that', async (t) => {
  const { target } = await embed(t, automatic({ topic: 'a/1', qos: 1 }));
  const client = await WireClient.open(target);
  t.after(() => client.transport.destroy());
  // What it publishes at once it gets, since it is subscribed by then.
  client.send(connectBytes(5, { clientId: 'c' }), publishBytes(5, { topic: 'a/1', payload: 'mine' }));
  assert.equal((await client.expect('connack')).reasonCode, 0);
  assert.equal((await client.receive()).payload.toString(), 'mine');
});

test('what a client asks for itself counts more than what was made for it', async (t) => {
  const { broker, target } = await embed(t, automatic({ topic: 'a', qos: 0 }));
  const client = await WireClient.open(target);
  t.after(() => client.transport.destroy());
  client.send(connectBytes(5, { clientId: 'c' }), subscribeBytes(5, 1, [{ filter: 'a', qos: 2 }]));
  await client.expect('connack');
  await client.expect('suback');
  await broker.publish({ topic: 'a', qos: 2 });
  assert.equal((await client.receive()).qos, 2);
});

test('placeholders stand for client id, user name, address and port of the client', async (t) => {
  const { broker, target } = await embed(t, automatic({ topic: 'c/${clientid}/${username}/${host}/${port}' }), (prepared) =>
    prepared.hook('client.authenticate', () => 'allow'),
  );
  let port = 0;
  broker.hook('client.connected', ({ peerPort }) => {
    port = peerPort;
  });
  const client = await WireClient.open(target);
  t.after(() => client.transport.destroy());
  await client.connect({ clientId: 'c1', userName: 'ann', password: 'x' });
  await broker.publish({ topic: `c/c1/ann/127.0.0.1/${port}` });
  await client.receive();
});

test('QoS, No Local, Retain As Published and Retain Handling are those of the topic', async (t) => {
  const topics = [
    { topic: 'qos', qos: 1 },
    { topic: 'no-local', noLocal: true },
    { topic: 'as-published', retainAsPublished: true },
    ...[0, 1, 2].map((retainHandling) => ({ topic: `handling/${retainHandling}`, retainHandling })),
  ];
  const { broker, connect } = await embed(t, automatic(...topics));
  for (const handling of [0, 1, 2]) await broker.publish({ topic: `handling/${handling}`, payload: 'x', retain: true });
  const client = await connect({ clientId: 'c', ...durable });
  const first = [(await client.receive()).topic, (await client.receive()).topic];
  assert.deepEqual(first.toSorted(), ['handling/0', 'handling/1']);
  await client.publish({ topic: 'no-local' });
  await broker.publish({ topic: 'as-published', payload: 'x', retain: true });
  assert.equal((await client.receive()).retain, true);
  await broker.publish({ topic: 'qos', payload: 'x', qos: 2, retain: true });
  const { qos, retain } = await client.receive();
  assert.deepEqual([qos, retain], [1, false]);
  await client.cut();
  const again = await connect({ clientId: 'c', ...durable });
  const known = (await Promise.all([again.receive(), again.receive(), again.receive()])).map(({ topic }) => topic);
  assert.deepEqual(known.toSorted(), ['as-published', 'handling/0', 'qos'], 'the subscription of handling/1 is not new');
  await again.expectNothing();
});

test('a client may unsubscribe; at its next connection it is subscribed again, and a session has each subscription once', async (t) => {
  const { broker, connect } = await embed(t, automatic({ topic: 'a', qos: 1 }, { topic: 'b', qos: 1 }));
  const client = await connect({ clientId: 'c', ...durable });
  assert.deepEqual(await client.unsubscribe('a'), [0]);
  await broker.publish({ topic: 'a', qos: 1 });
  await client.expectNothing();
  await client.cut();
  await connect({ clientId: 'c', ...durable });
  assert.equal(broker.statistics().subscriptions, 2);
});

test('permissions, limits and rewriting hold as for what a client asks for, in the $share and $exclusive trees too', async (t) => {
  const log = new TestLog();
  const rules = [
    { permission: 'deny', action: 'subscribe', topics: ['secret/#', '$SYS/#'] },
    { permission: 'allow', action: 'all', topics: ['#'] },
  ];
  const topics = [
    'secret/1',
    '$share/g/secret/1',
    '$exclusive/secret/1',
    'old/secret',
    'old/a',
    '$exclusive/e',
    '$share/g/s',
    '${clientid}/#',
    'over',
  ];
  const rewrite = { rules: [{ action: 'subscribe', sourceTopic: 'old/#', re: '^old/(.+)$', destTopic: 'new/$1' }] };
  rewrite.rules.push({ action: 'subscribe', sourceTopic: 'old/secret', re: '^old/secret$', destTopic: 'secret/2' });
  const { broker, connect } = await embed(t, {
    log,
    settings: {
      autoSubscribe: { topics: topics.map((topic) => ({ topic, qos: 1 })) },
      authorization: { rules },
      rewrite,
      limits: { subscriptionsPerClientMax: 3 },
    },
  });
  for (const topic of ['secret/1', 'secret/2']) await broker.publish({ topic, payload: 'x', retain: true, qos: 1 });
  const client = await connect({ clientId: '$SYS' });
  await client.expectNothing();
  const refused = log.take('an automatic subscription was refused');
  assert.deepEqual(
    refused.map(({ filter, reasonCode }) => [filter, reasonCode]),
    [
      ['secret/1', 0x87],
      ['$share/g/secret/1', 0x87],
      ['$exclusive/secret/1', 0x87],
      ['old/secret', 0x87],
      ['over', 0x97],
    ],
  );
  assert.deepEqual(
    log.take('a client is not subscribed automatically: a value cannot be part of the topic').map(({ problem }) => problem),
    ['begins with $'],
  );
  for (const topic of ['secret/1', 'secret/2', '$SYS/x', 'over']) await broker.publish({ topic, qos: 1 });
  await client.expectNothing();
  for (const topic of ['new/a', 'e', 's']) {
    await broker.publish({ topic, qos: 1 });
    assert.equal((await client.receive()).topic, topic);
  }
});

test('a client id with wildcards or a slash widens nothing: the topic is left out', async (t) => {
  const { broker, connect } = await embed(t, automatic({ topic: 'devices/${clientid}/#' }, { topic: 'all' }));
  for (const clientId of ['+', '#', 'a/b', 'a/#']) {
    const client = await connect({ clientId });
    for (const topic of ['devices/a/b', 'devices/a/b/c', 'devices/other', 'devices', 'all']) await broker.publish({ topic });
    assert.equal((await client.receive()).topic, 'all', clientId);
  }
});

test('an exclusive topic for everybody belongs to the first', async (t) => {
  const { broker, connect } = await embed(t, automatic({ topic: '$exclusive/t' }));
  const [first, second] = [await connect({ clientId: 'first' }), await connect({ clientId: 'second' })];
  await broker.publish({ topic: 't' });
  await first.receive();
  await second.expectNothing();
});

test('changed at run time, by a reload or by the program, it holds for those who connect from then on', async (t) => {
  const { broker, connect } = await embed(t, automatic({ topic: 'a' }));
  const before = await connect({ clientId: 'before' });
  await broker.reload(loadConfig({ overrides: { ...settings, autoSubscribe: { topics: [{ topic: 'b' }] } } }));
  const after = await connect({ clientId: 'after' });
  const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  broker.feature(autoSubscribe).reload({ topics: [{ topic: 'c', ...options }] });
  const last = await connect({ clientId: 'last' });
  for (const topic of ['a', 'b', 'c']) await broker.publish({ topic });
  assert.deepEqual(await Promise.all([before, after, last].map(async (client) => (await client.receive()).topic)), ['a', 'b', 'c']);
  for (const client of [before, after, last]) await client.expectNothing();
});

test(
  'SIGHUP brings new topics; paho and mosquitto_sub get what they never asked for',
  { timeout: 60_000, ...needs(pahoFile, 'python3-paho-mqtt') },
  async (t) => {
    const directory = await tempDirectory('wrenmq-auto-');
    t.after(() => directory.remove());
    const file = join(directory.path, 'wrenmq.yaml');
    const configure = (topic: string): Promise<void> => writeFile(file, JSON.stringify({ autoSubscribe: { topics: [{ topic, qos: 1 }] } }));
    await configure('inbox/${clientid}/#');
    await using broker = await launchBroker({ args: ['--config', file], settings: { 'log.level': 'info', 'log.format': 'json' } });
    const { port } = broker.target();
    const at = ['-h', '127.0.0.1', '-p', String(port)];
    const publish = (topic: string): Promise<unknown> => run('mosquitto_pub', [...at, '-t', topic, '-m', 'hello', '-q', '1']);
    for (const version of [4, 5] as const) {
      const clientId = `paho-${version}`;
      const client = await PahoClient.start(t, { port, version, clientId });
      await publish(`inbox/${clientId}/x`);
      assert.deepEqual(await client.next(), { event: 'message', topic: `inbox/${clientId}/x`, payload: 'hello', retain: false });
    }
    const subscriber = await Subscriber.start(t, [...at, '-i', 'sub', '-t', 'unused', '-q', '1'], '%t %p');
    await publish('inbox/sub/x');
    assert.equal(await subscriber.next(), 'inbox/sub/x hello');
    await configure('later/${clientid}');
    broker.signal('SIGHUP');
    // Whoever connects after the reload has the new topic; until then the old one.
    for (let attempt = 0; ; attempt += 1) {
      const clientId = `after-${attempt}`;
      const client = await WireClient.open(broker.target());
      await client.connect({ clientId });
      await client.publish({ topic: `later/${clientId}`, payload: 'new', qos: 1 });
      await client.publish({ topic: `inbox/${clientId}/x`, payload: 'old', qos: 1 });
      const { payload } = await client.receive();
      await client.cut();
      if (payload.toString() === 'new') break;
      assert.ok(attempt < 1000, 'the reload never came');
    }
  },
);

/** Notes what is logged. */
class TestLog implements Logger {
  readonly #lines: { readonly fields: LogFields; readonly text: string }[] = [];
  debug = (fields: LogFields, text: string): void => void this.#lines.push({ fields, text });
  info = this.debug;
  warn = this.debug;
  error = this.debug;
  fatal = this.debug;

  take(text: string): LogFields[] {
    return this.#lines.filter((line) => line.text === text).map(({ fields }) => fields);
  }
}
