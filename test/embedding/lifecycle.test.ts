import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { ConfigError, createBroker, loadConfig, OperationalError } from '@wrenmq/broker';
import { tempDirectory, WireClient } from '@wrenmq/testkit';
import { embed, settings } from './start.ts';

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof OperationalError && error.code === code;
}

test('a broker in a few lines: create, start, connect, publish, stop', async () => {
  const directory = await tempDirectory('wrenmq-embedding-');
  const broker = createBroker({ settings: { ...settings, dataDirectory: directory.path } });
  const { listeners, admin, certificateAuthority } = await broker.start();
  assert.deepEqual([listeners.length, listeners[0].name, listeners[0].kind, admin, certificateAuthority], [1, 'tcp', 'tcp', null, null]);
  const client = await WireClient.open({ host: listeners[0].address, port: listeners[0].port });
  await client.connect({ clientId: 'c' });
  await client.subscribe('greetings/+');
  assert.equal(await broker.publish({ topic: 'greetings/hello', payload: 'hi', qos: 1 }), true);
  assert.equal((await client.receive()).payload.toString(), 'hi');
  await broker.stop();
  await client.expectDisconnect(0x8b);
  await directory.remove();
});

test('two brokers live in one process without meeting', async (t) => {
  const [one, two] = [await embed(t), await embed(t)];
  const clients = [await one.connect(), await two.connect()];
  for (const client of clients) await client.subscribe('#');
  assert.equal(await one.broker.publish({ topic: 'only/one', payload: '1' }), true);
  assert.equal((await clients[0].receive()).topic, 'only/one');
  await clients[1].expectNothing();
  await one.broker.stop();
  assert.equal(await two.broker.publish({ topic: 'still/here' }), true);
  assert.equal((await clients[1].receive()).topic, 'still/here');
});

test('wrong settings throw a ConfigError with every problem, before anything is opened', () => {
  const wrong = { ...settings, durability: 'maybe', listeners: { tcp: { bnd: '1' } } };
  assert.throws(
    () => createBroker({ settings: wrong }),
    (error: unknown) => error instanceof ConfigError && error.problems.length === 2,
  );
});

test('a listener beyond loopback needs authentication; a hook may be it', () => {
  const open = { ...settings, listeners: { ...settings.listeners, tcp: { bind: '0.0.0.0:0' } } };
  assert.throws(() => createBroker({ settings: open }), ConfigError);
  const broker = createBroker({ settings: open, hasOtherAuthentication: true });
  assert.equal(broker.config.listeners['tcp'].isAnonymousAllowed, false);
});

test('an address that is taken: start rejects, nothing stays open, and another broker starts there later', async () => {
  const directory = await tempDirectory('wrenmq-embedding-');
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  const { port } = squatter.address() as { port: number };
  const taken = {
    ...settings,
    durability: 'disk',
    dataDirectory: directory.path,
    listeners: { ...settings.listeners, tcp: { bind: `127.0.0.1:${port}` } },
  };
  await assert.rejects(createBroker({ settings: taken }).start(), hasCode('listener.bind'));
  await new Promise((resolve) => squatter.close(resolve));
  const broker = createBroker({ settings: taken });
  const { listeners } = await broker.start();
  assert.equal(listeners[0].port, port);
  await broker.stop();
  await directory.remove();
});

test('a data directory that another broker uses is refused', async (t) => {
  const directory = await tempDirectory('wrenmq-embedding-');
  t.after(() => directory.remove());
  const durable = { dataDirectory: directory.path, durability: 'disk' };
  await embed(t, { settings: durable });
  await assert.rejects(createBroker({ settings: { ...settings, ...durable } }).start(), OperationalError);
});

test('a broker is started once', async (t) => {
  const { broker } = await embed(t);
  await assert.rejects(broker.start(), hasCode('broker.state'));
  await broker.stop();
  await assert.rejects(broker.start(), hasCode('broker.state'));
});

test('stop may come at any time and more than once: before the start, during another stop, afterwards', async (t) => {
  const unused = createBroker({ settings: { ...settings, dataDirectory: '/nowhere' } });
  await unused.stop();
  const { broker, connect } = await embed(t);
  const client = await connect();
  let isClosed = false;
  void client.whenClosed.then(() => {
    isClosed = true;
  });
  await Promise.all([broker.stop(), broker.stop()]);
  await client.whenClosed;
  assert.equal(isClosed, true);
  await broker.stop();
});

test('what needs a broker that runs says so when it does not', async (t) => {
  const { broker } = await embed(t);
  await broker.stop();
  await assert.rejects(broker.publish({ topic: 't' }), hasCode('broker.state'));
  await assert.rejects(broker.reload(loadConfig({ overrides: settings })), hasCode('broker.state'));
  assert.throws(() => broker.statistics(), hasCode('broker.state'));
});

test('what was published at QoS 1 before a stop is there after the next start', async (t) => {
  const directory = await tempDirectory('wrenmq-embedding-');
  t.after(() => directory.remove());
  const durable = { settings: { dataDirectory: directory.path, durability: 'disk' } };
  const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } };
  const first = await embed(t, durable);
  const client = await first.connect(lasting);
  await client.subscribe({ filter: 'owed/#', qos: 1 });
  await client.cut();
  assert.equal(await first.broker.publish({ topic: 'owed/message', payload: 'here', qos: 1 }), true);
  await first.broker.publish({ topic: 'kept', payload: 'retained', qos: 1, retain: true });
  await first.broker.stop();
  const second = await embed(t, durable);
  const back = await second.connect(lasting);
  assert.equal((await back.receive()).payload.toString(), 'here');
  await back.subscribe({ filter: 'kept', qos: 1 });
  const kept = await back.receive();
  assert.deepEqual([kept.payload.toString(), kept.retain], ['retained', true]);
});

test('reload puts new limits and rules to use without disconnecting anybody', async (t) => {
  const directory = await tempDirectory('wrenmq-embedding-');
  t.after(() => directory.remove());
  const base = { ...settings, dataDirectory: directory.path };
  const { broker, connect } = await embed(t, { settings: base });
  const client = await connect();
  assert.deepEqual(await client.subscribe({ filter: 'a', qos: 1 }), [1]);
  const rules = [{ permission: 'deny', action: 'all', topics: ['a'] }];
  await broker.reload(loadConfig({ overrides: { ...base, authorization: { rules, default: 'allow' } } }));
  await broker.publish({ topic: 'a', payload: 'denied now' });
  await client.expectNothing();
  assert.deepEqual(await client.subscribe({ filter: 'b', qos: 1 }), [1]);
});

test('statistics say what the broker holds', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect();
  await client.subscribe([{ filter: 'a' }, { filter: '$share/g/a' }]);
  await broker.publish({ topic: 'kept', payload: 'x', retain: true });
  const { connections, sessions, subscriptions, sharedSubscriptions, retainedMessages } = broker.statistics();
  assert.deepEqual([connections, sessions, subscriptions, sharedSubscriptions, retainedMessages], [1, 1, 2, 1, 1]);
});
