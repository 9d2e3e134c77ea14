import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker, exclusive, ReasonCode } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { launchBroker, WireClient } from '@wrenmq/testkit';
import { embed, settings } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

const { QuotaExceeded, TopicFilterInvalid, NotAuthorized, NoSubscriptionExisted } = ReasonCode;
const everything = { permission: 'allow', action: 'all', topics: ['#'] } as const;
const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };

test('the first has it, the second is refused, the plain topic is open to all, and the second gets it when the first has gone', async (t) => {
  const { broker, connect } = await embed(t);
  const a = await connect({ clientId: 'a' });
  const b = await connect({ clientId: 'b' });
  assert.deepEqual(await a.subscribe({ filter: '$exclusive/t/1', qos: 1 }), [1]);
  assert.deepEqual(await b.subscribe({ filter: '$exclusive/t/1', qos: 1 }), [QuotaExceeded]);
  assert.deepEqual(await a.subscribe({ filter: '$exclusive/t/1', qos: 2 }), [2], 'the client that has it may ask again');
  assert.deepEqual(await b.subscribe({ filter: 't/1', qos: 1 }), [1]);
  await broker.publish({ topic: 't/1', payload: '1', qos: 1 });
  for (const client of [a, b]) assert.equal((await client.receive()).topic, 't/1');
  assert.deepEqual(await b.unsubscribe('$exclusive/t/1', 't/1'), [NoSubscriptionExisted, 0]);
  assert.deepEqual(await a.unsubscribe('t/1'), [NoSubscriptionExisted]);
  assert.deepEqual(await a.unsubscribe('$exclusive/t/1'), [0]);
  assert.deepEqual(await b.subscribe({ filter: '$exclusive/t/1', qos: 1 }), [1]);
});

test('MQTT 3 clients are refused with 0x80', async (t) => {
  const { connect } = await embed(t);
  const a = await connect({ clientId: 'a' }, 4);
  const b = await connect({ clientId: 'b' }, 4);
  assert.deepEqual(await a.subscribe({ filter: '$exclusive/t', qos: 1 }), [1]);
  assert.deepEqual(await b.subscribe({ filter: '$exclusive/t', qos: 1 }), [0x80]);
});

test('what is retained in the topic comes at once', async (t) => {
  const { broker, connect } = await embed(t);
  await broker.publish({ topic: 't', payload: 'kept', retain: true });
  const client = await connect();
  await client.subscribe({ filter: '$exclusive/t', qos: 1 });
  const { topic, retain } = await client.receive();
  assert.deepEqual([topic, retain], ['t', true]);
});

test('of many who ask at the same time one gets it', async (t) => {
  const { connect } = await embed(t, { settings: { authorization: { rules: [everything] } } });
  const clients = await Promise.all(Array.from({ length: 20 }, (_, index) => connect({ clientId: `c${index}` })));
  const codes = (await Promise.all(clients.map((client) => client.subscribe({ filter: '$exclusive/t', qos: 0 })))).flat();
  assert.equal(codes.filter((code) => code === 0).length, 1);
  assert.equal(codes.filter((code) => code === QuotaExceeded).length, 19);
});

test('a session that ends with its connection gives back what it had; one that outlives it keeps it', async (t) => {
  const { broker, connect } = await embed(t);
  const passing = await connect({ clientId: 'passing' });
  const lasting = await connect({ clientId: 'lasting', ...durable });
  await passing.subscribe('$exclusive/p');
  await lasting.subscribe('$exclusive/l');
  await Promise.all([passing.cut(), lasting.cut()]);
  const other = await connect({ clientId: 'other' });
  assert.deepEqual(await other.subscribe([{ filter: '$exclusive/p' }, { filter: '$exclusive/l' }]), [0, QuotaExceeded]);
  await broker.publish({ topic: 'l', payload: 'while away', qos: 1 });
  const back = await connect({ clientId: 'lasting', ...durable });
  assert.equal((await back.receive()).payload.toString(), 'while away');
  await back.cut();
  const anew = await connect({ clientId: 'lasting', clean: true });
  assert.deepEqual(await other.subscribe('$exclusive/l'), [2], 'a clean start ends the session, and with it what it had');
  assert.deepEqual(await anew.subscribe('$exclusive/l'), [QuotaExceeded]);
});

test('what makes no sense is refused with 0x8F, and everything is while it is switched off', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect();
  const nonsense = [
    '$exclusive',
    '$exclusive/',
    '$exclusive/a/#/b',
    '$exclusive/$exclusive/t',
    '$exclusive/$share/g/t',
    '$share/g/$exclusive/t',
  ];
  assert.deepEqual(
    await client.subscribe(nonsense.map((filter) => ({ filter }))),
    nonsense.map(() => TopicFilterInvalid),
  );
  await client.subscribe('$exclusive/before');
  await broker.reload(loadConfig({ overrides: { ...settings, exclusiveSubscriptions: { enabled: false } } }));
  assert.deepEqual(await client.subscribe('$exclusive/t'), [TopicFilterInvalid]);
  await broker.publish({ topic: 'before' });
  assert.equal((await client.receive()).topic, 'before');
  assert.deepEqual(await client.unsubscribe('$exclusive/before'), [0]);
});

test('no prefix opens what the rules deny: live, retained, or queued', async (t) => {
  const rules = [{ permission: 'deny', action: 'subscribe', topics: ['secret/#', '$SYS/#'] }, everything];
  const { broker, connect } = await embed(t, { settings: { authorization: { rules }, sys: { interval: '10s' } } });
  await broker.publish({ topic: 'secret/1', payload: 'retained', retain: true, qos: 1 });
  await broker.publish({ topic: 'open', payload: 'retained', retain: true, qos: 1 });
  const client = await connect({ clientId: 'c', ...durable });
  const denied = ['$exclusive/secret/1', '$exclusive/secret/#', '$exclusive/secret/+', '$exclusive/$SYS/#', '$share/g/secret/1'];
  const nested = ['$share/g/$exclusive/secret/1', '$exclusive/$share/g/secret/1', '$exclusive/$exclusive/secret/1'];
  assert.deepEqual(await client.subscribe([...denied, ...nested].map((filter) => ({ filter, qos: 1 }))), [
    ...denied.map(() => NotAuthorized),
    ...nested.map(() => TopicFilterInvalid),
  ]);
  // Granted as a whole, and then topic by topic.
  assert.deepEqual(await client.subscribe({ filter: '$exclusive/#', qos: 1 }), [1]);
  assert.equal((await client.receive()).topic, 'open');
  await broker.publish({ topic: 'secret/1', payload: 'live', qos: 1 });
  await client.expectNothing();
  await client.cut();
  await broker.publish({ topic: 'secret/1', payload: 'queued', qos: 1 });
  await broker.publish({ topic: 'open', payload: 'queued', qos: 1 });
  const back = await connect({ clientId: 'c', ...durable });
  assert.equal((await back.receive()).topic, 'open');
  await back.expectNothing();
});

test('a right that is taken away is taken from the topic that is matched', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect();
  await client.subscribe({ filter: '$exclusive/t', qos: 1 });
  const rules = [{ permission: 'deny', action: 'subscribe', topics: ['t'] }, everything];
  await broker.reload(loadConfig({ overrides: { ...settings, authorization: { rules } } }));
  await broker.publish({ topic: 't', qos: 1 });
  await client.expectNothing();
});

test('who has what is there to see, and counted', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect({ clientId: 'a' });
  await client.subscribe([{ filter: '$exclusive/t/+' }, { filter: 't/1' }]);
  assert.deepEqual([...broker.feature(exclusive).subscriptions()], [{ filter: 't/+', clientId: 'a' }]);
  assert.equal(broker.feature(exclusive).ownerOf('t/+'), 'a');
  const { subscriptions, exclusiveSubscriptions } = broker.statistics();
  assert.deepEqual([subscriptions, exclusiveSubscriptions], [2, 1]);
});

test('a broker that does not run has no features to ask', () => {
  const broker = createBroker({ settings });
  assert.throws(() => broker.feature(exclusive), { code: 'broker.state' });
});

test('a kill -9 frees what ends with its connection and nothing else', { timeout: 60_000 }, async () => {
  await using broker = await launchBroker();
  const connect = async (clientId: string, options: object = {}): Promise<WireClient> => {
    const client = await WireClient.open(broker.target());
    await client.connect({ clientId, ...options });
    return client;
  };
  const lasting = await connect('lasting', durable);
  const passing = await connect('passing');
  assert.deepEqual(await lasting.subscribe({ filter: '$exclusive/l/+', qos: 1 }), [1]);
  assert.deepEqual(await passing.subscribe({ filter: '$exclusive/p', qos: 1 }), [1]);
  await broker.restart('SIGKILL');
  const other = await connect('other');
  assert.deepEqual(await other.subscribe([{ filter: '$exclusive/l/+' }, { filter: '$exclusive/p' }]), [QuotaExceeded, 0]);
  await other.publish({ topic: 'l/1', payload: 'queued', qos: 1 });
  const back = await connect('lasting', durable);
  assert.equal((await back.receive()).topic, 'l/1');
  assert.deepEqual(await back.unsubscribe('$exclusive/l/+'), [0]);
  await broker.restart('SIGKILL');
  const next = await connect('next');
  assert.deepEqual(await next.subscribe('$exclusive/l/+'), [2]);
  await next.cut();
});

test('paho and mosquitto_sub: as in the notes of our users', { timeout: 60_000, ...needs(pahoFile, 'python3-paho-mqtt') }, async (t) => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  const at = ['-h', '127.0.0.1', '-p', String(port)];
  const first = await PahoClient.start(t, { port, clientId: 'first', filters: ['$exclusive/t/1'] });
  assert.deepEqual(await first.next(), { event: 'subscribe', granted: [1] });
  for (const version of [4, 5] as const) {
    const second = await PahoClient.start(t, { port, version, clientId: `second-${version}`, filters: ['$exclusive/t/1', 't/1'] });
    assert.deepEqual(await second.next(), { event: 'subscribe', granted: [version === 5 ? QuotaExceeded : 0x80, 1] });
    await second.kill();
  }
  const plain = await Subscriber.start(t, [...at, '-t', 't/1'], '%t %p');
  await run('mosquitto_pub', [...at, '-t', 't/1', '-m', 'hello', '-q', '1']);
  assert.deepEqual(await first.next(), { event: 'message', topic: 't/1', payload: 'hello', retain: false });
  assert.equal(await plain.next(), 't/1 hello');
  await first.kill();
  const third = await Subscriber.start(t, [...at, '-t', '$exclusive/t/1'], '%t %p');
  await run('mosquitto_pub', [...at, '-t', 't/1', '-m', 'again', '-q', '1']);
  assert.equal(await third.next(), 't/1 again');
});
