import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/broker';
import { launchBroker } from '@wrenmq/testkit';
import { embed } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

// $queue/filter: what EMQX offers beside $share/group/filter.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = needs(pahoFile, 'python3-paho-mqtt');
const { NotAuthorized, TopicFilterInvalid, NoSubscriptionExisted } = ReasonCode;
const everything = { permission: 'allow', action: 'all', topics: ['#'] } as const;
const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };

test(
  'paho and mosquitto_sub share what comes, and what comes while both are away waits once, over SIGKILL',
  {
    ...mosquitto,
    skip: mosquitto.skip || paho.skip,
  },
  async (t) => {
    await using broker = await launchBroker();
    const { port } = broker.target();
    const at = ['-h', '127.0.0.1', '-p', `${port}`];
    const publish = (payload: string): Promise<unknown> => run('mosquitto_pub', [...at, '-q', '1', '-t', 'jobs/x', '-m', payload]);
    const one = await PahoClient.start(t, { port, version: 4, clientId: 'one', filters: ['$queue/jobs/#'] });
    assert.deepEqual(await one.next(), { event: 'subscribe', granted: [1] });
    const two = await Subscriber.start(t, [...at, '-t', '$queue/jobs/#', '-q', '1'], '%t %p');
    for (const payload of ['1', '2']) await publish(payload);
    const first = await one.next();
    assert.ok(first.event === 'message' && first.topic === 'jobs/x');
    assert.equal(await two.next(), `jobs/x ${first.payload === '1' ? '2' : '1'}`);
    for (const client of [one, two]) await client.kill();
    const away = ['-c', '-i', 'away', '-q', '1', '-t', '$queue/jobs/#'];
    await run('mosquitto_sub', [...at, ...away, '-E']);
    for (const payload of ['3', '4']) await publish(payload);
    await broker.restart('SIGKILL');
    const { stdout } = await run('mosquitto_sub', ['-h', '127.0.0.1', '-p', `${broker.target().port}`, ...away, '-C', '2']);
    assert.deepEqual(stdout.trim().split('\n'), ['3', '4']);
  },
);

test('it is the group $queue, ended by either name, and configured like others', async (t) => {
  const sharedSubscriptions = { groups: { $queue: { strategy: 'sticky' } } };
  const { broker, connect } = await embed(t, { settings: { sharedSubscriptions } });
  const a = await connect({ clientId: 'a' });
  const b = await connect({ clientId: 'b' });
  assert.deepEqual(await a.subscribe({ filter: '$queue/t', qos: 1 }), [1]);
  assert.deepEqual(await b.subscribe({ filter: '$share/$queue/t', qos: 1 }), [1]);
  assert.deepEqual(
    broker.sharedGroups().map(({ group, filter, strategy, members }) => [group, filter, strategy, members]),
    [['$queue', 't', 'sticky', 2]],
  );
  assert.deepEqual(await a.unsubscribe('$share/$queue/t'), [0]);
  assert.deepEqual(await b.unsubscribe('$queue/t'), [0]);
  assert.deepEqual(await b.unsubscribe('$queue/t'), [NoSubscriptionExisted]);
  assert.deepEqual(broker.sharedGroups(), []);
});

test('what is retained does not come, and a rule of rewriting is about what is behind the prefix', async (t) => {
  const rewrite = {
    rules: [
      { action: 'subscribe', sourceTopic: 'old/#', re: '^old/(.+)$', destTopic: 'new/$1' },
      { action: 'subscribe', sourceTopic: 'sly/#', re: '^sly/(.+)$', destTopic: '$queue/$1' },
    ],
  };
  const { broker, connect } = await embed(t, { settings: { rewrite } });
  await broker.publish({ topic: 'new/t', payload: 'kept', retain: true, qos: 1 });
  const client = await connect();
  assert.deepEqual(await client.subscribe([{ filter: '$queue/old/t' }, { filter: 'sly/t' }]), [0, TopicFilterInvalid]);
  await broker.publish({ topic: 'new/t', payload: 'live' });
  assert.equal((await client.receive()).payload.toString(), 'live');
  assert.deepEqual(await client.unsubscribe('$queue/old/t'), [0]);
});

test('it opens nothing that the rules deny: live, retained or queued', async (t) => {
  const rules = [{ permission: 'deny', action: 'subscribe', topics: ['secret/#', '$SYS/#'] }, everything];
  const { broker, connect } = await embed(t, { settings: { authorization: { rules } } });
  await broker.publish({ topic: 'secret/1', payload: 'retained', retain: true, qos: 1 });
  const client = await connect({ clientId: 'c', ...durable });
  const denied = ['$queue/secret/1', '$queue/secret/#', '$queue/$SYS/#', '$share/$queue/secret/1'];
  const nested = [
    '$queue',
    '$queue/',
    '$queue/#/t',
    '$queue/$queue/secret/1',
    '$queue/$share/g/secret/1',
    '$queue/$exclusive/secret/1',
    '$exclusive/$queue/secret/1',
    '$share/g/$queue/secret/1',
  ];
  assert.deepEqual(await client.subscribe([...denied, ...nested].map((filter) => ({ filter, qos: 1 }))), [
    ...denied.map(() => NotAuthorized),
    ...nested.map(() => TopicFilterInvalid),
  ]);
  assert.deepEqual(await client.subscribe({ filter: '$queue/#', qos: 1 }), [1], 'topic by topic');
  await broker.publish({ topic: 'secret/1', payload: 'live', qos: 1 });
  await client.expectNothing();
  await client.cut();
  await broker.publish({ topic: 'secret/1', payload: 'queued', qos: 1 });
  await broker.publish({ topic: 'open', payload: 'queued', qos: 1 });
  const back = await connect({ clientId: 'c', ...durable });
  assert.equal((await back.receive()).topic, 'open');
  await back.expectNothing();
});
