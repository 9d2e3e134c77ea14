import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Broker, createBroker } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import {
  type ConnectOptions,
  disconnectBytes,
  launchBroker,
  type LaunchedBroker,
  LaunchedProcess,
  publishBytes,
  tempDirectory,
  WireClient,
  type WireTarget,
} from '@wrenmq/testkit';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';

// Strategies and durable groups, with mosquitto_sub and paho, over restarts and kills, and what rules do to them.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };
const worker = join(import.meta.dirname, 'group-worker.py');
const durable: ConnectOptions = { clean: false, properties: { sessionExpiryInterval: 3600 } };

async function launch(t: TestContext, settings: Record<string, string> = {}): Promise<LaunchedBroker> {
  const prefixed = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`sharedSubscriptions.${name}`, value]));
  const broker = await launchBroker({ settings: prefixed });
  t.after(() => broker.close());
  return broker;
}

function at(broker: LaunchedBroker, ...more: readonly string[]): string[] {
  return ['-h', '127.0.0.1', '-p', `${broker.target().port}`, ...more];
}

/** Connects a client that a failing test takes along. */
async function connect(t: TestContext, target: WireTarget, options: ConnectOptions): Promise<WireClient> {
  const client = await WireClient.open(target, 5);
  t.after(() => client.transport.destroy());
  await client.connect(options);
  return client;
}

/** What the broker tells Prometheus of a metric. */
async function metric(broker: LaunchedBroker, line: string): Promise<number> {
  const { address, port } = broker.admin!;
  const text = await (await fetch(`http://${address}:${port}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.split(' ')[1],
  );
}

function byNumber(a: number | string, b: number | string): number {
  return Number(a) - Number(b);
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i + 1));
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`what comes while all members are away waits once, over ${signal}, and goes to the first that comes back`, mosquitto, async (t) => {
    const broker = await launch(t, { 'groups.workers.deliveriesMax': '100' });
    const filter = ['-c', '-q', '1', '-t', '$share/workers/jobs/#'];
    for (const id of ['a', 'b', 'c']) await run('mosquitto_sub', at(broker, '-i', id, ...filter, '-E'));
    for (const number of numbers(6)) await run('mosquitto_pub', at(broker, '-q', '1', '-t', 'jobs/x', '-m', number));
    assert.equal(await metric(broker, 'wrenmq_shared_waiting_messages'), 6);
    assert.equal(await metric(broker, 'wrenmq_shared_groups{kind="durable"}'), 1);
    assert.equal(await metric(broker, 'wrenmq_shared_members{state="disconnected"}'), 3);
    assert.equal(await metric(broker, 'wrenmq_shared_group_members{group="workers",state="disconnected"}'), 3);
    assert.equal(await metric(broker, 'wrenmq_shared_group_waiting_messages{group="workers"}'), 6);
    await broker.restart(signal);
    const told = await run('mosquitto_sub', at(broker, '-t', '$SYS/brokers/+/shared/workers/+', '-C', '1'));
    const { filter: shared, members, connected, waiting } = JSON.parse(told.stdout) as Record<string, unknown>;
    assert.deepEqual([shared, members, connected, waiting], ['jobs/#', 3, 0, 6]);
    assert.equal(await metric(broker, 'wrenmq_shared_waiting_messages'), 6);
    const { stdout } = await run('mosquitto_sub', at(broker, '-i', 'b', ...filter, '-C', '6'));
    assert.deepEqual(stdout.trim().split('\n'), numbers(6));
    assert.equal(await metric(broker, 'wrenmq_shared_waiting_messages'), 0);
  });
}

test(
  'three of four workers are killed while messages come: none is lost, none comes twice but what they were sent',
  mosquitto,
  async (t) => {
    const broker = await launch(t, { redeliverAfter: '200ms' });
    const start = (id: string): Promise<Subscriber> =>
      Subscriber.start(t, at(broker, '-c', '-i', id, '-q', '1', '-t', '$share/workers/jobs/#'), '%p');
    const workers = await Promise.all(['w1', 'w2', 'w3', 'w4'].map(start));
    const publisher = await connect(t, broker.target(), { clientId: 'publisher' });
    const count = 800;
    for (let number = 1; number <= count; number += 1) {
      publisher.send(publishBytes(5, { topic: 'jobs/x', payload: String(number), qos: 1, packetId: number }));
      await publisher.expectFor('puback', number);
      if (number % 200 === 0 && number < count) await workers[number / 200].kill();
    }
    const got: string[] = workers.slice(1).flatMap(({ pending }) => pending);
    while (new Set(got).size < count) got.push(await workers[0].next());
    assert.ok(got.length - count <= 3 * 128, `${got.length - count} came twice`);
    assert.equal(await metric(broker, 'wrenmq_shared_waiting_messages'), 0);
  },
);

test('a broker that is killed in the middle loses nothing that it has acknowledged to the publisher of a group', async (t) => {
  const broker = await launch(t, { redeliverAfter: '100ms' });
  const filter = '$share/workers/jobs/#';
  for (const clientId of ['a', 'b']) {
    const member = await connect(t, broker.target(), {
      ...durable,
      clientId,
      properties: { sessionExpiryInterval: 3600, receiveMaximum: 5 },
    });
    await member.subscribe({ filter, qos: 2 });
  }
  const publisher = await connect(t, broker.target(), { clientId: 'publisher' });
  const count = 200;
  for (let number = 1; number <= count; number += 1) {
    publisher.send(publishBytes(5, { topic: `jobs/${number % 3}`, payload: String(number), qos: 1, packetId: number }));
  }
  for (let number = 1; number <= count; number += 1) await publisher.expectFor('puback', number);
  await broker.restart('SIGKILL');
  const member = await connect(t, broker.target(), { ...durable, clientId: 'b' });
  const got = new Set<string>();
  while (got.size < count) {
    const message = await member.receive();
    got.add(message.payload.toString());
    await member.acknowledge(message);
  }
});

test('a message that no worker survives goes to the dead letters with the reason, and the next one is worked on', paho, async (t) => {
  const broker = await launch(t, { redeliverAfter: '0s', deliveriesMax: '2', deadLetterTopic: 'dead/letters' });
  const python = (id: string, filter: string, verb: string, count: number): Promise<LaunchedProcess> => {
    lines.length = 0;
    const args = ['-B', worker, `${broker.target().port}`, id, filter, verb, String(count)];
    return LaunchedProcess.start({ command: '/usr/bin/python3', args, onLine: (line) => lines.push(line) });
  };
  const lines: string[] = [];
  const finish = async (id: string, filter: string, verb: string, count: number): Promise<readonly string[]> => {
    const started = await python(id, filter, verb, count);
    t.after(() => started.kill('SIGKILL'));
    assert.equal((await started.whenEnded).code, verb === 'crash' ? 7 : 0, started.output);
    return [...lines];
  };
  await finish('morgue', 'dead/#', 'work', 0);
  await finish('worker', '$share/workers/jobs/#', 'work', 0);
  const publisher = await connect(t, broker.target(), { clientId: 'publisher' });
  for (const payload of ['poison', 'good']) await publisher.publish({ topic: 'jobs/x', payload, qos: 1 });
  for (let delivery = 1; delivery <= 2; delivery += 1) {
    const [got] = await finish('worker', '$share/workers/jobs/#', 'crash', 0);
    assert.equal(JSON.parse(got).payload, 'poison');
  }
  const [letter] = (await finish('morgue', 'dead/#', 'work', 1)).map((line) => JSON.parse(line));
  assert.deepEqual(letter, {
    topic: 'dead/letters',
    payload: 'poison',
    qos: 1,
    user: [
      ['dead-letter-reason', 'deliveries'],
      ['dead-letter-group', 'workers'],
      ['dead-letter-topic', 'jobs/x'],
      ['dead-letter-deliveries', '2'],
    ],
  });
  const [good] = await finish('worker', '$share/workers/jobs/#', 'work', 1);
  assert.equal(JSON.parse(good).payload, 'good');
  assert.equal(await metric(broker, 'wrenmq_shared_dead_lettered_total'), 1);
});

const off = { enabled: false };

/** A broker in this process, whose configuration the test changes. */
async function embed(t: TestContext): Promise<{ broker: Broker; target: WireTarget; reload: (changes: object) => Promise<void> }> {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const configured = (changes: object) =>
    loadConfig({
      overrides: {
        dataDirectory: directory.path,
        listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, tls: off, tls1884: off, wss: off },
        admin: off,
        ...changes,
      },
    });
  const broker = createBroker({ config: configured({}) });
  t.after(() => broker.stop());
  const { listeners } = await broker.start();
  const target = { host: '127.0.0.1', port: listeners[0].port };
  return { broker, target, reload: (changes) => broker.reload(configured(changes)) };
}

/** Lets a client go in order, with its session kept. */
async function leave(client: WireClient): Promise<void> {
  client.send(disconnectBytes());
  await client.expectClose();
}

const fair = ['round_robin', 'round_robin_per_group', 'random', 'local', 'least_inflight'];
const faithful = ['sticky', 'hash_clientid', 'hash_topic'];
for (const strategy of [...fair, ...faithful]) {
  test(`${strategy}: three mosquitto_sub share the lines of a mosquitto_pub, each once`, mosquitto, async (t) => {
    const broker = await launch(t, { 'groups.workers.strategy': strategy });
    const start = (id: string): Promise<Subscriber> =>
      Subscriber.start(t, at(broker, '-i', id, '-q', '1', '-t', '$share/workers/jobs/#'), '%p');
    const members = await Promise.all(['a', 'b', 'c'].map(start));
    const count = 30;
    await run('sh', ['-c', `seq ${count} | mosquitto_pub "$@"`, 'sh', ...at(broker, '-l', '-q', '1', '-t', 'jobs/x')]);
    while (members.reduce((sum, { pending }) => sum + pending.length, 0) < count) await setImmediate();
    const shares = members.map(({ pending }) => pending.length);
    assert.deepEqual(members.flatMap(({ pending }) => pending).toSorted(byNumber), numbers(count));
    if (strategy.startsWith('round_robin')) assert.deepEqual(shares, [10, 10, 10]);
    // Who keeps a publisher, or a topic, keeps all of it.
    if (faithful.includes(strategy)) assert.deepEqual(shares.toSorted(byNumber), [0, 0, 30]);
  });
}

test('a member whose right is taken gets nothing any more: not live, and not what waits', async (t) => {
  const { broker, target, reload } = await embed(t);
  const member = (clientId: string): Promise<WireClient> => connect(t, target, { ...durable, clientId });
  const filter = '$share/workers/jobs/#';
  for (const clientId of ['a', 'b']) {
    const client = await member(clientId);
    await client.subscribe({ filter, qos: 1 });
    await leave(client);
  }
  await broker.publish({ topic: 'jobs/secret', payload: 'waits', qos: 1 });
  const rules = [
    { permission: 'deny', action: 'subscribe', topics: ['jobs/secret'], who: { clientId: 'a' } },
    { permission: 'allow', action: 'all', topics: ['#'] },
  ];
  await reload({ authorization: { rules } });
  const a = await member('a');
  await broker.publish({ topic: 'jobs/secret', payload: 'live', qos: 1 });
  await broker.publish({ topic: 'jobs/open', payload: 'open', qos: 1 });
  assert.equal((await a.receive()).payload.toString(), 'open');
  await a.expectNothing();
  assert.deepEqual(
    broker
      .sharedGroups()
      .map(({ group, isDurable, members, membersConnected, waiting }) => [group, isDurable, members, membersConnected, waiting]),
    [['workers', true, 2, 1, 2]],
  );
  const b = await member('b');
  for (const payload of ['waits', 'live']) {
    const message = await b.receive();
    assert.equal(message.payload.toString(), payload);
    await b.acknowledge(message);
  }
  await leave(b);
  await broker.publish({ topic: 'jobs/secret', payload: 'for nobody', qos: 1 });
  await reload({ authorization: { rules: [{ ...rules[0], who: { loopback: true } }, rules[1]] } });
  const again = await member('b');
  await again.expectNothing();
  assert.deepEqual(
    broker.sharedGroups().map(({ waiting, dropped }) => [waiting, dropped]),
    [[0, 1]],
  );
});

test('$share in front of a filter opens no topic that the rules deny', async (t) => {
  const { target, reload } = await embed(t);
  const rules = [
    { permission: 'deny', action: 'subscribe', topics: ['secret/#'] },
    { permission: 'allow', action: 'all', topics: ['#'] },
  ];
  await reload({ authorization: { rules } });
  const client = await connect(t, target, { ...durable, clientId: 'a' });
  for (const filter of ['$share/g/secret/#', '$share/g/secret/x', '$share/g/$share/h/secret/x']) {
    assert.deepEqual(await client.subscribe({ filter, qos: 1 }), [0x87], filter);
  }
  assert.deepEqual(await client.subscribe({ filter: '$share/g/#', qos: 1 }), [1], 'each topic is checked');
  const publisher = await connect(t, target, { clientId: 'publisher' });
  await publisher.publish({ topic: 'secret/x', payload: 'x', qos: 1 });
  await client.expectNothing();
});

test('strategies and limits change while messages flow, and none is lost', async (t) => {
  const { broker, target, reload } = await embed(t);
  const members = await Promise.all(['a', 'b', 'c'].map((clientId) => connect(t, target, { ...durable, clientId })));
  for (const member of members) await member.subscribe({ filter: '$share/workers/jobs/#', qos: 1 });
  const strategies = ['random', 'sticky', 'local', 'hash_clientid', 'hash_topic', 'least_inflight', 'round_robin_per_group', 'round_robin'];
  for (const [index, strategy] of strategies.entries()) {
    const overrides = { groups: { workers: { strategy } } };
    await reload({ sharedSubscriptions: index % 2 === 0 ? { strategy } : overrides });
    assert.equal(broker.sharedGroups()[0].strategy, strategy);
    for (let i = 0; i < 10; i += 1) await broker.publish({ topic: `jobs/${i}`, payload: `${strategy} ${i}`, qos: 1 });
  }
  let received = 0;
  for (const member of members) {
    member.send(publishBytes(5, { topic: 'fence', qos: 1, packetId: 1 }));
    for (let packet = await member.next(); packet.type !== 'puback'; packet = await member.next())
      received += Number(packet.type === 'publish');
  }
  assert.equal(received, 10 * strategies.length);
});
