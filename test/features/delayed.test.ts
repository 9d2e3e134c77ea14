import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Broker, delayed, ReasonCode } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { connectBytes, FakeClock, launchBroker, publishBytes, WireClient } from '@wrenmq/testkit';
import { type Embedded, embed, settings as quiet } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';

// $delayed/{seconds}/{topic} with mosquitto_pub and paho, wills, rules, limits and settings.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };
const HOUR_SECONDS = 3600;
const durable = { clean: false, properties: { sessionExpiryInterval: 86_400 } } as const;

interface Timed extends Embedded {
  readonly clock: FakeClock;
}

/** A broker whose time stands still until the test moves it. */
async function embedTimed(t: TestContext, settings: object = {}): Promise<Timed> {
  const clock = new FakeClock();
  return { clock, ...(await embed(t, { clock, settings })) };
}

function waiting(broker: Broker): number {
  return broker.statistics().delayedMessages;
}

async function reload(broker: Broker, settings: object): Promise<void> {
  const { dataDirectory } = broker.config;
  await broker.reload(loadConfig({ overrides: { ...quiet, dataDirectory, ...settings } }));
}

for (const version of ['31', '311', '5']) {
  test(`mosquitto_pub publishes later, mosquitto_sub gets it once it is due (${version})`, mosquitto, async (t) => {
    const broker = await launchBroker();
    t.after(() => broker.close());
    const at = (...more: readonly string[]): string[] => ['-h', '127.0.0.1', '-p', `${broker.target().port}`, '-V', version, ...more];
    const subscriber = await Subscriber.start(t, at('-q', '2', '-t', '#', '-t', '$delayed/#'));
    for (const qos of ['0', '1', '2']) await run('mosquitto_pub', at('-q', qos, '-t', `$delayed/2/x/${qos}`, '-m', `later ${qos}`, '-r'));
    await run('mosquitto_pub', at('-t', '$delayed/0/x/now', '-m', 'now'));
    assert.deepEqual(await subscriber.take(4), ['x/0 0 0 later 0', 'x/1 1 0 later 1', 'x/2 2 0 later 2', 'x/now 0 0 now']);
    const late = await run('mosquitto_sub', at('-q', '2', '-t', '#', '-C', '3', '-F', '%t %q %r %p'));
    assert.deepEqual(late.stdout.trim().split('\n').toSorted(), ['x/0 0 1 later 0', 'x/1 1 1 later 1', 'x/2 2 1 later 2']);
    assert.deepEqual(subscriber.pending, []);
  });
}

test('paho publishes later at every QoS', paho, async (t) => {
  const broker = await launchBroker();
  t.after(() => broker.close());
  const { stdout } = await run('/usr/bin/python3', ['-B', join(import.meta.dirname, 'delayed-paho.py'), `${broker.target().port}`]);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, number, string, number]);
  assert.deepEqual(lines.map(([topic, qos, payload]) => `${topic} ${qos} ${payload}`).toSorted(), [
    'python/0 0 QoS 0',
    'python/1 1 QoS 1',
    'python/2 2 QoS 2',
    'python/now 0 now',
  ]);
  for (const [topic, qos, , seconds] of lines) assert.ok(topic === 'python/now' || seconds >= 2 - qos, `${topic} after ${seconds} s`);
});

test('the examples of the handbook: 15 seconds, a minute, an hour and a system topic', async (t) => {
  const rules = [{ permission: 'allow', action: 'all', topics: ['#', '$SYS/topic'] }];
  const { connect, clock } = await embedTimed(t, { authorization: { rules } });
  const client = await connect();
  for (const filter of ['#', '$SYS/topic']) await client.subscribe({ filter, qos: 2 });
  for (const topic of ['$delayed/15/x/y', '$delayed/60/a/b', '$delayed/3600/$SYS/topic']) {
    assert.equal(await client.publish({ topic, payload: topic, qos: 1 }), ReasonCode.Success);
  }
  for (const [seconds, topic] of [
    [15, 'x/y'],
    [45, 'a/b'],
    [3540, '$SYS/topic'],
  ] as const) {
    clock.advance(seconds * 1000 - 1);
    await client.expectNothing();
    clock.advance(1);
    assert.equal((await client.receive()).topic, topic);
  }
});

test('QoS, RETAIN and properties are kept; the expiry interval is what is left of it', async (t) => {
  const { connect, clock } = await embedTimed(t);
  const client = await connect();
  await client.subscribe([{ filter: 't', qos: 2, retainAsPublished: true }]);
  const properties = {
    messageExpiryInterval: 100,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.from([1, 2]),
    userProperties: [['a', 'b']] as [string, string][],
  };
  assert.equal(await client.publish({ topic: '$delayed/30/t', payload: 'x', qos: 2, retain: true, properties }), ReasonCode.Success);
  const early = await connect({ clientId: 'early' });
  await early.subscribe({ filter: '#', qos: 2 });
  await early.expectNothing();
  clock.advance(30_000);
  const message = await client.receive();
  assert.deepEqual([message.qos, message.retain, message.payload.toString()], [2, true, 'x']);
  assert.deepEqual({ ...message.properties }, { ...properties, messageExpiryInterval: 70 });
  const late = await connect({ clientId: 'late' });
  await late.subscribe({ filter: 't', qos: 2 });
  assert.equal((await late.receive()).retain, true);
});

test('a topic alias stands for the whole topic, prefix included', async (t) => {
  const { connect, clock } = await embedTimed(t);
  const client = await connect();
  await client.subscribe({ filter: 't', qos: 1 });
  await client.publish({ topic: '$delayed/5/t', payload: '1', qos: 1, properties: { topicAlias: 1 } });
  await client.publish({ topic: '', payload: '2', qos: 1, properties: { topicAlias: 1 } });
  clock.advance(5000);
  assert.deepEqual([(await client.receive()).payload.toString(), (await client.receive()).payload.toString()], ['1', '2']);
});

test('its own message comes back later as it would at once: No Local holds', async (t) => {
  const { connect, clock } = await embedTimed(t);
  const client = await connect();
  const other = await connect({ clientId: 'other' });
  await client.subscribe([{ filter: 't', qos: 1, noLocal: true }]);
  await other.subscribe({ filter: 't', qos: 1 });
  await client.publish({ topic: '$delayed/5/t', qos: 1 });
  clock.advance(5000);
  assert.equal((await other.receive()).topic, 't');
  await client.expectNothing();
});

test('what cannot be published later is refused with 0x90; MQTT 3 clients hear nothing of it, and nothing is published', async (t) => {
  const { connect, clock, broker, target } = await embedTimed(t);
  const client = await connect();
  const older = await connect({ clientId: 'older' }, 4);
  await client.subscribe([
    { filter: '#', qos: 2 },
    { filter: '$delayed/#', qos: 2 },
  ]);
  const bad = ['$delayed/abc/t', '$delayed/5', '$delayed/5/', '$delayed//t', '$delayed/42949670/t', '$delayed/5/$share/g/t'];
  for (const topic of bad) {
    for (const qos of [1, 2] as const) assert.equal(await client.publish({ topic, qos }), ReasonCode.TopicNameInvalid, topic);
    await client.publish({ topic, qos: 0 });
    assert.equal(await older.publish({ topic, qos: 1 }), 0);
    const stranger = await WireClient.open(target);
    stranger.send(connectBytes(5, { clientId: 'stranger', will: { topic, payload: 'will' } }));
    assert.equal((await stranger.expect('connack')).reasonCode, ReasonCode.TopicNameInvalid, topic);
  }
  clock.advance(HOUR_SECONDS * 1000);
  await client.expectNothing();
  assert.equal(waiting(broker), 0);
});

test('a full store is refused with 0x97, also an MQTT 3 client; it goes on when a message was published', async (t) => {
  const { connect, clock, broker } = await embedTimed(t, { delayed: { messagesMax: 2 } });
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 1 });
  for (const seconds of [5, 10]) assert.equal(await client.publish({ topic: `$delayed/${seconds}/t`, qos: 2 }), ReasonCode.Success);
  for (const qos of [1, 2] as const) assert.equal(await client.publish({ topic: '$delayed/5/t', qos }), ReasonCode.QuotaExceeded);
  await client.publish({ topic: '$delayed/5/t', qos: 0 });
  const older = await connect({ clientId: 'older' }, 4);
  older.send(publishBytes(4, { topic: '$delayed/5/t', qos: 1, packetId: 1 }));
  await older.expectClose();
  assert.equal(waiting(broker), 2);
  clock.advance(5000);
  await client.receive();
  assert.equal(await client.publish({ topic: '$delayed/5/t', qos: 1 }), ReasonCode.Success);
});

test('a will may be published later, counted from when it would be; it survives the broker', async (t) => {
  const broker = await launchBroker();
  t.after(() => broker.close());
  const watcher = await WireClient.open(broker.target());
  t.after(() => watcher.transport.destroy());
  await watcher.connect({ ...durable, clientId: 'watcher' });
  await watcher.subscribe({ filter: 'wills/#', qos: 2 });
  const will = (topic: string) => ({ topic, payload: 'gone', qos: 2, retain: true }) as const;
  const lost = await WireClient.open(broker.target());
  await lost.connect({ clientId: 'lost', will: will('$delayed/1/wills/lost') });
  await lost.cut();
  assert.equal((await watcher.receive()).topic, 'wills/lost');
  const later = await WireClient.open(broker.target());
  // A session of its own: the will of one that ends with its connection ends with a broker that is killed.
  await later.connect({ clientId: 'later', ...durable, will: will('$delayed/2/wills/killed') });
  await broker.restart('SIGKILL');
  const again = await WireClient.open(broker.target());
  t.after(() => again.transport.destroy());
  await again.connect({ ...durable, clientId: 'watcher' });
  await again.expectNothing();
  const message = await again.receive();
  assert.deepEqual([message.topic, message.payload.toString(), message.qos], ['wills/killed', 'gone', 2]);
});

test('no prefix opens a topic that the rules deny: not live, not retained, not by a will', async (t) => {
  const rules = [
    { permission: 'deny', action: 'publish', topics: ['secret/#', '$SYS/#'] },
    { permission: 'allow', action: 'all', topics: ['#', '$delayed/#'] },
  ];
  const { connect, clock, broker, target } = await embedTimed(t, { authorization: { rules } });
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 2 });
  const denied = ['$delayed/5/secret/a', '$delayed/0/secret/a', '$delayed/05/secret', '$delayed/5/$SYS/a'];
  const invalid = [
    '$delayed/5/$delayed/5/secret/a',
    '$delayed/5/$share/g/secret/a',
    '$delayed/5/$exclusive/secret/a',
    '$delayed/x/secret/a',
  ];
  for (const [topics, code] of [
    [denied, ReasonCode.NotAuthorized],
    [invalid, ReasonCode.TopicNameInvalid],
  ] as const) {
    for (const topic of topics) {
      for (const retain of [false, true]) {
        assert.equal(await client.publish({ topic, qos: 1, retain, payload: 'x' }), code, topic);
        await client.publish({ topic, qos: 0, retain, payload: 'x' });
        for (const version of [4, 5] as const) {
          const stranger = await WireClient.open(target, version);
          stranger.send(connectBytes(version, { clientId: 'stranger', will: { topic, payload: 'x', retain } }));
          const { reasonCode } = await stranger.expect('connack');
          assert.ok(version === 5 ? reasonCode === code : reasonCode !== 0, `${topic} as a will: ${reasonCode}`);
        }
      }
    }
  }
  assert.equal(await client.publish({ topic: '$delayed/5/open', qos: 1, payload: 'x' }), ReasonCode.Success);
  clock.advance(HOUR_SECONDS * 1000);
  assert.equal((await client.receive()).topic, 'open');
  await client.expectNothing();
  assert.deepEqual([waiting(broker), broker.statistics().retainedMessages], [0, 0]);
});

test('who loses the right before a message is due does not publish it, connected or not', async (t) => {
  const { connect, clock, broker } = await embedTimed(t, { delayed: { enabled: true } });
  const publisher = await connect({ clientId: 'publisher' });
  const gone = await connect({ clientId: 'gone' });
  const watcher = await connect({ clientId: 'watcher' });
  await watcher.subscribe({ filter: '#', qos: 1 });
  for (const client of [publisher, gone]) await client.publish({ topic: '$delayed/60/secret', qos: 1, retain: true, payload: 'x' });
  await gone.cut();
  await watcher.publish({ topic: '$delayed/60/open', qos: 1 });
  const allow = { permission: 'allow', action: 'all', topics: ['#'] };
  const deny = { permission: 'deny', action: 'publish', topics: ['secret'] };
  await reload(broker, { authorization: { rules: [deny, allow] } });
  clock.advance(60_000);
  assert.equal((await watcher.receive()).topic, 'open');
  await watcher.expectNothing();
  assert.deepEqual([waiting(broker), broker.statistics().retainedMessages], [0, 0]);
});

test('turned off while it runs, it refuses with 0x90 and publishes what waits', async (t) => {
  const { connect, clock, broker } = await embedTimed(t);
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 1 });
  await client.publish({ topic: '$delayed/60/t', qos: 1 });
  await reload(broker, { delayed: { enabled: false } });
  assert.equal(await client.publish({ topic: '$delayed/60/t', qos: 1 }), ReasonCode.TopicNameInvalid);
  clock.advance(60_000);
  assert.equal((await client.receive()).topic, 't');
  await reload(broker, {});
  assert.equal(await client.publish({ topic: '$delayed/60/t', qos: 1 }), ReasonCode.Success);
});

test('a delayed message is rewritten by its real topic, and a rewriting rule can delay what was not; rights are those of the outcome', async (t) => {
  const authorization = {
    rules: [
      { permission: 'deny', action: 'publish', topics: ['secret'] },
      { permission: 'allow', action: 'all', topics: ['#'] },
    ],
  };
  const rewrite = {
    rules: [
      { action: 'publish', sourceTopic: 'old/#', re: '^old/(.+)$', destTopic: 'new/$1' },
      { action: 'publish', sourceTopic: 'slow/#', re: '^slow/(.+)$', destTopic: '$delayed/5/$1' },
      { action: 'publish', sourceTopic: 'open', re: '^open$', destTopic: 'secret' },
    ],
  };
  const { clock, broker, connect } = await embedTimed(t, { authorization, rewrite });
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 1 });
  assert.equal(await client.publish({ topic: '$delayed/5/old/a', qos: 1, payload: 'a' }), ReasonCode.Success);
  assert.equal(await client.publish({ topic: 'slow/b', qos: 1, payload: 'b' }), ReasonCode.Success);
  assert.equal(await client.publish({ topic: '$delayed/5/slow/c', qos: 1 }), ReasonCode.TopicNameInvalid, 'one delay is enough');
  for (const topic of ['slow/secret', '$delayed/5/open']) assert.equal(await client.publish({ topic, qos: 1 }), ReasonCode.NotAuthorized);
  await client.expectNothing();
  assert.equal(waiting(broker), 2);
  clock.advance(5000);
  for (const [topic, payload] of [
    ['new/a', 'a'],
    ['b', 'b'],
  ]) {
    const message = await client.receive();
    assert.deepEqual([message.topic, message.payload.toString()], [topic, payload]);
  }
  await client.expectNothing();
});

test('an embedding program publishes later, lists, cancels and sends now', async (t) => {
  const { broker, connect, clock } = await embedTimed(t);
  const client = await connect();
  await client.subscribe({ filter: '#', qos: 1 });
  assert.equal(await broker.publish({ topic: '$delayed/60/a', payload: 'a', qos: 1 }), true);
  await client.publish({ topic: '$delayed/120/b', qos: 1 });
  await client.publish({ topic: '$delayed/180/c', qos: 1 });
  await assert.rejects(broker.publish({ topic: '$delayed/x/a' }), { code: 'publish.rejected' });
  const feature = broker.feature(delayed);
  const rows = await feature.list();
  assert.deepEqual(
    rows.map(({ topic, publisher, dueAtMs }) => [topic, publisher, dueAtMs - clock.wallMs()]),
    [
      ['a', 'embedder', 60_000],
      ['b', 'client', 120_000],
      ['c', 'client', 180_000],
    ],
  );
  assert.equal((await feature.get(rows[0].id))?.payload.toString(), 'a');
  assert.equal(await feature.cancel(rows[1].id), true);
  assert.equal(await feature.sendNow(rows[2].id), 'published');
  assert.equal((await client.receive()).topic, 'c');
  clock.advance(HOUR_SECONDS * 1000);
  assert.equal((await client.receive()).topic, 'a');
  await client.expectNothing();
});

test('$SYS and the metrics count what waits, was taken, published, expired and refused', async (t) => {
  const { connect, clock, broker } = await embedTimed(t, {
    sys: { nodeInterval: '10s' },
    delayed: { messagesMax: 3 },
    authorization: { rules: [{ permission: 'allow', action: 'all', topics: ['#', '$SYS/#'] }] },
  });
  const client = await connect();
  await client.publish({ topic: '$delayed/1/a', qos: 1 });
  await client.publish({ topic: '$delayed/1/b', qos: 1, properties: { messageExpiryInterval: 1 } });
  await client.publish({ topic: '$delayed/999/c', qos: 1 });
  await client.publish({ topic: '$delayed/1/d', qos: 1 });
  const watcher = await connect({ clientId: 'watcher' });
  await watcher.subscribe({ filter: 'a', qos: 1 });
  clock.advance(1000);
  await watcher.receive();
  while (waiting(broker) > 1) await new Promise(setImmediate);
  clock.advance(10_000);
  const values = new Map<string, string>();
  await client.subscribe({ filter: '$SYS/brokers/+/#', qos: 0 });
  while (values.size < 6) {
    const { topic, payload } = await client.receive();
    const name = topic.split('/').slice(3).join('/');
    if (name.includes('delayed')) values.set(name, payload.toString());
  }
  assert.deepEqual(Object.fromEntries(values), {
    'stats/delayed/count': '1',
    'stats/delayed/max': '1',
    'metrics/messages/delayed': '3',
    'metrics/messages/delayed/published': '1',
    'metrics/messages/delayed/expired': '1',
    'metrics/messages/delayed/refused': '1',
  });
});
