import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type BrokerOptions, ReasonCode, rewrite } from '@wrenmq/broker';
import { loadConfig, previewRewrite } from '@wrenmq/broker/administration';
import { connectBytes, FakeClock, launchBroker, type LaunchedBroker, tempDirectory, WireClient } from '@wrenmq/testkit';
import { embed, settings } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

const { NotAuthorized, TopicFilterInvalid, TopicNameInvalid, NoSubscriptionExisted } = ReasonCode;
const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };
const everything = { permission: 'allow', action: 'all', topics: ['#'] } as const;

interface Rule {
  readonly action: 'publish' | 'subscribe' | 'all';
  readonly sourceTopic: string;
  readonly re: string;
  readonly destTopic: string;
}

/** `x/...` becomes `y/...`. */
const xToY: Rule = { action: 'all', sourceTopic: 'x/#', re: '^x/(.+)$', destTopic: 'y/$1' };
/** The rules that EMQX documents as its example. */
const documented: readonly Rule[] = [
  { action: 'all', sourceTopic: 'y/+/z/#', re: '^y/(.+)/z/(.+)$', destTopic: 'y/z/$2' },
  { action: 'all', sourceTopic: 'x/#', re: '^x/y/(.+)$', destTopic: 'z/y/x/$1' },
  { action: 'all', sourceTopic: 'x/y/+', re: '^x/y/(\\d+)$', destTopic: 'z/y/$1' },
];

function withRules(rules: readonly Rule[], more: object = {}): BrokerOptions {
  return { settings: { rewrite: { rules }, ...more } };
}

/** A broker in a process of its own, with `xToY`. */
async function launchRewriting(t: TestContext): Promise<LaunchedBroker> {
  const directory = await tempDirectory('wrenmq-rewrite-');
  t.after(() => directory.remove());
  const file = join(directory.path, 'wrenmq.yaml');
  await writeFile(file, JSON.stringify({ rewrite: { rules: [xToY] } }));
  return launchBroker({ args: ['--config', file] });
}

test('the example of the documentation: five topics are subscribed and published, and each comes as what it has become', async (t) => {
  const { broker, connect } = await embed(t, withRules(documented));
  const client = await connect();
  const topics = ['y/a/z/b', 'y/def', 'x/1/2', 'x/y/2', 'x/y/z'];
  const become = ['y/z/b', 'y/def', 'x/1/2', 'z/y/2', 'x/y/z'];
  for (const [index, topic] of topics.entries()) {
    await client.subscribe({ filter: topic, qos: 1 });
    await broker.publish({ topic: become[index], qos: 1 });
    assert.equal((await client.receive()).topic, become[index], 'subscribed');
    await client.publish({ topic, qos: 1 });
    assert.equal((await client.receive()).topic, become[index], 'published');
  }
});

test('UNSUBSCRIBE ends what SUBSCRIBE with the same text has made, and what it is called now', async (t) => {
  const { broker, connect } = await embed(t, withRules([xToY]));
  const client = await connect();
  assert.deepEqual(
    await client.subscribe([{ filter: 'x/1' }, { filter: 'x/2' }, { filter: '$share/g/x/3' }, { filter: '$exclusive/x/4' }]),
    [0, 0, 0, 0],
  );
  assert.deepEqual(await client.unsubscribe('x/1', 'y/2', '$share/g/x/3', '$exclusive/x/4', 'x/1'), [0, 0, 0, 0, NoSubscriptionExisted]);
  assert.equal(broker.statistics().subscriptions, 0);
});

test('behind $share and $exclusive the filter is rewritten, and the prefix goes on meaning what it means', async (t) => {
  const { broker, connect } = await embed(t, withRules([xToY]));
  const [a, b] = [await connect({ clientId: 'a' }), await connect({ clientId: 'b' })];
  await a.subscribe([{ filter: '$share/g/x/s' }, { filter: '$exclusive/x/e' }]);
  await b.subscribe({ filter: '$share/g/y/s' });
  assert.deepEqual(await b.subscribe({ filter: '$exclusive/y/e' }), [ReasonCode.QuotaExceeded], 'the same filter by another name');
  await broker.publish({ topic: 'y/e' });
  assert.equal((await a.receive()).topic, 'y/e');
  for (const payload of ['1', '2']) await broker.publish({ topic: 'y/s', payload });
  await a.receive();
  await b.receive();
});

test('retained messages are kept, found and cleared under the rewritten topic', async (t) => {
  const { connect } = await embed(t, withRules([xToY]));
  const client = await connect();
  await client.publish({ topic: 'x/1', payload: 'kept', retain: true, qos: 1 });
  for (const filter of ['x/1', 'y/+', 'y/1']) {
    await client.subscribe({ filter, qos: 1 });
    assert.equal((await client.receive()).topic, 'y/1', filter);
    await client.unsubscribe(filter);
  }
  await client.publish({ topic: 'x/1', retain: true, qos: 1 });
  await client.subscribe('y/1');
  await client.expectNothing();
});

test('a will is rewritten; one that cannot be is refused with CONNACK', async (t) => {
  const perUser: Rule = { action: 'publish', sourceTopic: 'mine', re: '.*', destTopic: 'users/${username}' };
  const { target, connect } = await embed(t, withRules([xToY, perUser]));
  const watcher = await connect({ clientId: 'watcher' });
  await watcher.subscribe({ filter: '#', qos: 1 });
  const doomed = await connect({ clientId: 'doomed', will: { topic: 'x/will', payload: 'gone', qos: 1 } });
  await doomed.cut();
  assert.equal((await watcher.receive()).topic, 'y/will');
  const refused = await WireClient.open(target);
  refused.send(connectBytes(5, { clientId: 'refused', will: { topic: 'mine', payload: 'gone' } }));
  assert.equal((await refused.expect('connack')).reasonCode, TopicNameInvalid);
});

test('the rules of authorization are asked about what a topic becomes: live, retained, queued, and in every prefix', async (t) => {
  const denied = { permission: 'deny', action: 'all', topics: ['secret/#', '$SYS/#'] };
  const toSecret: Rule = { action: 'all', sourceTopic: 'door/#', re: '^door/(.+)$', destTopic: 'secret/$1' };
  const fromSecret: Rule = { action: 'all', sourceTopic: 'secret/open', re: '^secret/(.+)$', destTopic: '$1' };
  const anywhere: Rule = { action: 'all', sourceTopic: 'go/#', re: '^go/(.+)$', destTopic: '$1' };
  const rules = [toSecret, fromSecret, anywhere];
  const { broker, connect } = await embed(t, withRules(rules, { authorization: { rules: [denied, everything] } }));
  await broker.publish({ topic: 'secret/1', payload: 'retained', retain: true, qos: 1 });
  const client = await connect({ clientId: 'c', ...durable });
  const closed = ['door/1', 'door/+', 'door/#', 'go/secret/1', 'go/$SYS/#', '$share/g/door/1', '$exclusive/door/1', '$exclusive/go/$SYS/#'];
  const nonsense = ['go/$share/g/secret/1', 'go/$exclusive/secret/1', '$share/g/go/$share/h/secret/1', '$exclusive/go/$share/g/secret/1'];
  assert.deepEqual(await client.subscribe([...closed, ...nonsense].map((filter) => ({ filter, qos: 1 }))), [
    ...closed.map(() => NotAuthorized),
    ...nonsense.map(() => TopicFilterInvalid),
  ]);
  assert.deepEqual(
    await client.subscribe([
      { filter: 'secret/open', qos: 1 },
      { filter: 'go/#', qos: 1 },
    ]),
    [1, 1],
  );
  assert.equal(await client.publish({ topic: 'door/1', qos: 1 }), NotAuthorized);
  assert.equal(await client.publish({ topic: 'go/secret/1', qos: 1 }), NotAuthorized);
  // The rule takes it out of the closed tree, and there it is allowed.
  assert.equal(await client.publish({ topic: 'secret/open', payload: 'rewritten', qos: 1 }), 0);
  assert.equal((await client.receive()).topic, 'open');
  await broker.publish({ topic: 'secret/1', payload: 'live', qos: 1 });
  await client.expectNothing();
  await client.cut();
  await broker.publish({ topic: 'secret/1', payload: 'queued', qos: 1 });
  const back = await connect({ clientId: 'c', ...durable });
  await back.expectNothing();
});

test('what a client is called widens nothing: such a topic is refused', async (t) => {
  const own: Rule = { action: 'all', sourceTopic: 'own/#', re: '^own/(.+)$', destTopic: 'devices/${clientid}/$1' };
  const { connect } = await embed(t, withRules([own]));
  const good = await connect({ clientId: 'c1' });
  assert.deepEqual(await good.subscribe({ filter: 'own/+', qos: 1 }), [1]);
  assert.equal(await good.publish({ topic: 'own/a', qos: 1 }), 0);
  assert.equal((await good.receive()).topic, 'devices/c1/a');
  for (const clientId of ['+', '#', 'c1/a', '+/a']) {
    const bad = await connect({ clientId });
    assert.deepEqual(await bad.subscribe({ filter: 'own/+', qos: 1 }), [TopicFilterInvalid], clientId);
    assert.equal(await bad.publish({ topic: 'own/a', qos: 1 }), TopicNameInvalid, clientId);
  }
});

test('a topic alias stands for the topic that the client said, and is rewritten each time', async (t) => {
  const { connect } = await embed(t, withRules([xToY]));
  const client = await connect();
  await client.subscribe({ filter: 'y/#' });
  await client.publish({ topic: 'x/1', payload: 'a', qos: 1, properties: { topicAlias: 1 } });
  await client.publish({ topic: '', payload: 'b', qos: 1, properties: { topicAlias: 1 } });
  const messages = [await client.receive(), await client.receive()];
  assert.deepEqual(
    messages.map(({ topic, payload }) => `${topic} ${payload.toString()}`),
    ['y/1 a', 'y/1 b'],
  );
});

test('a destination may be for later; what is authorized is the topic that it is for', async (t) => {
  const later: Rule = { action: 'publish', sourceTopic: 'later/#', re: '^later/(.+)$', destTopic: '$delayed/5/$1' };
  const rules = [{ permission: 'deny', action: 'publish', topics: ['secret/#'] }, everything];
  const clock = new FakeClock();
  const { connect } = await embed(t, { clock, ...withRules([later], { authorization: { rules } }) });
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 1 });
  assert.equal(await client.publish({ topic: 'later/secret/1', qos: 1 }), NotAuthorized);
  assert.equal(await client.publish({ topic: 'later/a', qos: 1 }), 0);
  await client.expectNothing();
  clock.advance(5000);
  assert.equal((await client.receive()).topic, 'a');
});

test('changed rules hold from the next packet on; what is subscribed stays', async (t) => {
  const { broker, connect } = await embed(t, withRules([xToY]));
  const client = await connect();
  await client.subscribe({ filter: 'x/1', qos: 1 });
  await client.publish({ topic: 'x/1', payload: 'before', qos: 1 });
  assert.equal((await client.receive()).topic, 'y/1');
  await broker.reload(loadConfig({ overrides: settings }));
  await client.publish({ topic: 'x/1', payload: 'nobody', qos: 1 });
  await broker.publish({ topic: 'y/1', payload: 'after', qos: 1 });
  assert.equal((await client.receive()).payload.toString(), 'after');
  assert.deepEqual(await client.unsubscribe('y/1'), [0]);
});

test('a tester is told what would happen: by the running broker, and by the configuration alone', async (t) => {
  const { broker } = await embed(t, withRules(documented));
  const question = { action: 'publish', topic: 'x/y/2', clientId: 'c', username: null } as const;
  const expected = { kind: 'rewritten', topic: 'z/y/2', rule: 2 };
  assert.deepEqual(broker.feature(rewrite).preview(question), expected);
  assert.deepEqual(previewRewrite(documented, question), expected);
});

test(
  'a durable subscription survives a kill -9 under its rewritten name, and is ended by the text that made it',
  { timeout: 60_000 },
  async (t) => {
    await using broker = await launchRewriting(t);
    const client = await WireClient.open(broker.target());
    await client.connect({ clientId: 'c', ...durable });
    await client.subscribe([
      { filter: 'x/1', qos: 1 },
      { filter: '$exclusive/x/2', qos: 1 },
    ]);
    await broker.restart('SIGKILL');
    const back = await WireClient.open(broker.target());
    await back.connect({ clientId: 'c', ...durable });
    for (const topic of ['x/1', 'x/2']) await back.publish({ topic, qos: 1 });
    assert.deepEqual([(await back.receive()).topic, (await back.receive()).topic], ['y/1', 'y/2']);
    assert.deepEqual(await back.unsubscribe('x/1', '$exclusive/x/2'), [0, 0]);
    await back.cut();
  },
);

test(
  'paho and mosquitto never notice that their topics are others',
  { timeout: 60_000, ...needs(pahoFile, 'python3-paho-mqtt') },
  async (t) => {
    await using broker = await launchRewriting(t);
    const { port } = broker.target();
    const at = ['-h', '127.0.0.1', '-p', String(port)];
    for (const version of [4, 5] as const) {
      const client = await PahoClient.start(t, { port, version, clientId: `paho-${version}`, filters: ['x/1', '$share/g/x/2'] });
      assert.deepEqual(await client.next(), { event: 'subscribe', granted: [1, 1] });
      await run('mosquitto_pub', [...at, '-V', version === 4 ? '311' : '5', '-t', 'x/1', '-m', 'hello', '-q', '1']);
      assert.deepEqual(await client.next(), { event: 'message', topic: 'y/1', payload: 'hello', retain: false });
      await run('mosquitto_pub', [...at, '-t', 'x/2', '-m', 'shared', '-q', '1']);
      assert.deepEqual(await client.next(), { event: 'message', topic: 'y/2', payload: 'shared', retain: false });
      await client.kill();
    }
    const subscriber = await Subscriber.start(t, [...at, '-t', 'x/#', '-q', '1'], '%t %p');
    await run('mosquitto_pub', [...at, '-t', 'x/a/b', '-m', 'hello', '-q', '1']);
    assert.equal(await subscriber.next(), 'y/a/b hello');
  },
);
