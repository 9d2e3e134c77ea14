import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Broker, createBroker, sys } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { type ConnectOptions, FakeClock, tempDirectory, WireClient } from '@wrenmq/testkit';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';

// The $SYS topics of a node: figures, heartbeat, and what happens to clients, as mosquitto_sub sees it.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };
const node = `$SYS/brokers/wrenmq@${hostname().replaceAll(/[+#/\0\s]/g, '-')}`;
const off = { enabled: false };
const everyEvent = { clientConnected: true, clientDisconnected: true, clientSubscribed: true, clientUnsubscribed: true };

interface House {
  readonly broker: Broker;
  readonly clock: FakeClock;
  readonly port: number;
  settings(more: object): object;
}

async function start(t: TestContext, more: object = {}): Promise<House> {
  const directory = await tempDirectory('wrenmq-sys-');
  const clock = new FakeClock();
  const settings = (others: object): object => ({
    dataDirectory: directory.path,
    listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, wss: off, tls: off, tls1884: off },
    admin: off,
    ...others,
  });
  const broker = createBroker({ clock, settings: settings(more) });
  const { listeners } = await broker.start();
  t.after(async () => {
    await broker.stop();
    await directory.remove();
  });
  return { broker, clock, port: listeners[0].port, settings };
}

async function connect(t: TestContext, { port }: House, options: ConnectOptions, version: 3 | 4 | 5 = 5): Promise<WireClient> {
  const client = await WireClient.open({ host: '127.0.0.1', port }, version);
  t.after(() => client.transport.destroy());
  await client.connect(options);
  return client;
}

function watch(t: TestContext, { port }: House, topic: string, ...more: string[]): Promise<Subscriber> {
  return Subscriber.start(t, ['-h', '127.0.0.1', '-p', `${port}`, '-i', 'watcher', '-t', topic, ...more]);
}

async function nextEvent(watcher: Subscriber): Promise<[string, Record<string, unknown>]> {
  const message = await watcher.next();
  const [, topic, json] = /^(\S+) 0 0 (.*)$/.exec(message)!;
  return [topic.slice(node.length + 1), JSON.parse(json) as Record<string, unknown>];
}

test('mosquitto_sub sees the life of a client of paho', { ...mosquitto, skip: mosquitto.skip || paho.skip }, async (t) => {
  const house = await start(t, { sys: { events: everyEvent } });
  const watcher = await watch(t, house, `${node}/clients/bird/#`);
  const nowMs = house.clock.wallMs();
  await run('/usr/bin/python3', ['-B', join(import.meta.dirname, 'watched-client.py'), `${house.port}`, 'bird', '4']);
  const [connectedTopic, connected] = await nextEvent(watcher);
  assert.equal(connectedTopic, 'clients/bird/connected');
  assert.deepEqual(connected, {
    clientid: 'bird',
    // Nobody proved it.
    username: null,
    ipaddress: '127.0.0.1',
    sockport: house.port,
    protocol: 'mqtt',
    proto_name: 'MQTT',
    proto_ver: 4,
    connected_at: nowMs,
    ts: nowMs,
    conn_props: {},
    receive_maximum: 65_535,
    keepalive: 45,
    clean_start: true,
    expiry_interval: 0,
    client_attrs: {},
  });
  const subscription = { clientid: 'bird', username: null, protocol: 'mqtt', topic: 'a/#', ts: nowMs };
  assert.deepEqual(await nextEvent(watcher), ['clients/bird/subscribed', { ...subscription, subopts: { qos: 1, rh: 0, rap: 0, nl: 0 } }]);
  assert.deepEqual(await nextEvent(watcher), ['clients/bird/unsubscribed', subscription]);
  const [disconnectedTopic, disconnected] = await nextEvent(watcher);
  assert.equal(disconnectedTopic, 'clients/bird/disconnected');
  assert.deepEqual(
    [disconnected['reason'], disconnected['connected_at'], disconnected['disconnected_at'], disconnected['keepalive']],
    ['normal', nowMs, nowMs, undefined],
  );
});

test('events say what a client of MQTT 5 asked for, and why it is gone', mosquitto, async (t) => {
  const house = await start(t);
  const watcher = await watch(t, house, `${node}/clients/+/+`);
  const reasonOf = async (): Promise<[string, unknown]> => {
    const [topic, event] = await nextEvent(watcher);
    return [topic, event['reason']];
  };
  const properties = { sessionExpiryInterval: 60, receiveMaximum: 7 };
  const durable = { clientId: 'a/b', clean: false, properties };
  const first = await connect(t, house, durable);
  const [topic, event] = await nextEvent(watcher);
  assert.equal(topic, 'clients/a%2Fb/connected');
  assert.deepEqual(
    [event['clientid'], event['expiry_interval'], event['receive_maximum'], event['clean_start'], event['conn_props']],
    ['a/b', 60, 7, false, { 'Session-Expiry-Interval': 60, 'Receive-Maximum': 7 }],
  );
  await connect(t, house, durable);
  assert.deepEqual(await reasonOf(), ['clients/a%2Fb/disconnected', 'takenover']);
  await nextEvent(watcher);
  const third = await connect(t, house, { ...durable, clean: true });
  assert.deepEqual(await reasonOf(), ['clients/a%2Fb/disconnected', 'discarded']);
  await nextEvent(watcher);
  await third.cut();
  assert.deepEqual(await reasonOf(), ['clients/a%2Fb/disconnected', 'tcp_closed']);
  first.transport.destroy();
  const silent = await connect(t, house, { clientId: 'silent', keepAlive: 10 });
  await nextEvent(watcher);
  house.clock.advance(20_000);
  assert.deepEqual(await reasonOf(), ['clients/silent/disconnected', 'keepalive_timeout']);
  silent.transport.destroy();
});

test('subscriptions are told of only when that is configured, and a reload changes it', mosquitto, async (t) => {
  const house = await start(t);
  const watcher = await watch(t, house, `${node}/clients/c/#`);
  const client = await connect(t, house, { clientId: 'c' });
  assert.equal((await nextEvent(watcher))[0], 'clients/c/connected');
  await client.subscribe('x');
  const events = { clientConnected: false, clientDisconnected: true, clientSubscribed: true };
  await house.broker.reload(loadConfig({ overrides: house.settings({ sys: { events } }) }));
  await client.subscribe('y');
  const [topic, event] = await nextEvent(watcher);
  assert.deepEqual([topic, event['topic']], ['clients/c/subscribed', 'y']);
  await connect(t, house, { clientId: 'c' });
  assert.equal((await nextEvent(watcher))[0], 'clients/c/disconnected');
  assert.deepEqual(watcher.pending, []);
});

test('figures are there at once and at every interval, the heartbeat at its own', mosquitto, async (t) => {
  const house = await start(t, { sys: { nodeInterval: '1m', heartbeatInterval: '30s' } });
  const watcher = await Subscriber.start(t, [
    '-h',
    '127.0.0.1',
    '-p',
    `${house.port}`,
    ...['stats/connections/count', 'metrics/client/connected', 'uptime', 'datetime'].flatMap((name) => ['-t', `${node}/${name}`]),
  ]);
  assert.deepEqual(await watcher.take(2), [`${node}/metrics/client/connected 0 1 0`, `${node}/stats/connections/count 0 1 0`]);
  house.clock.advance(30_000);
  assert.deepEqual(await watcher.take(2), [`${node}/datetime 0 0 2030-01-01T00:00:30.000Z`, `${node}/uptime 0 0 30000`]);
  house.clock.advance(30_000);
  assert.deepEqual((await watcher.take(4)).slice(1, 3), [
    `${node}/metrics/client/connected 0 0 1`,
    `${node}/stats/connections/count 0 0 1`,
  ]);
});

test('who may not read $SYS learns of nobody, whatever else is allowed', mosquitto, async (t) => {
  const rules = [
    { permission: 'allow', action: 'subscribe', topics: ['$SYS/#'], who: { clientId: 'watcher' } },
    { permission: 'allow', action: 'all', topics: ['#', '+/#'] },
  ];
  const house = await start(t, { authorization: { rules } });
  const watcher = await watch(t, house, `${node}/clients/nosy/#`);
  const nosy = await connect(t, house, { clientId: 'nosy' });
  assert.equal((await nextEvent(watcher))[0], 'clients/nosy/connected');
  for (const filter of [`${node}/clients/#`, '$share/g/$SYS/#', '$SYS/+/#', `${node}/uptime`]) {
    assert.deepEqual(await nosy.subscribe(filter), [0x87], filter);
  }
  assert.deepEqual(await nosy.subscribe('#'), [2]);
  await connect(t, house, { clientId: 'other' });
  house.clock.advance(60_000);
  await nosy.expectNothing();
});

test('mosquitto_sub hears of alarms as they come and go, and a program of those that are there', mosquitto, async (t) => {
  const alarming = (memoryHigh: number): object => ({ sys: { alarms: { interval: '1s', cpuHigh: 100, memoryHigh } } });
  const house = await start(t, alarming(0));
  const watcher = await watch(t, house, `${node}/alarms/#`);
  house.clock.advance(1000);
  const [topic, activated] = await nextEvent(watcher);
  const { message, details, ...alarm } = activated as { message: string; details: { usage: number } };
  assert.equal(topic, 'alarms/activate');
  assert.deepEqual(alarm, {
    name: 'high_system_memory_usage',
    activate_at: Date.UTC(2030, 0, 1, 0, 0, 1) * 1000,
    deactivate_at: 'infinity',
    activated: true,
  });
  assert.match(message, new RegExp(`^${details.usage}% `));
  const { active, history } = house.broker.feature(sys).alarms();
  assert.deepEqual([active.map(({ name }) => name), history], [['high_system_memory_usage'], []]);
  await house.broker.reload(loadConfig({ overrides: house.settings(alarming(100)) }));
  house.clock.advance(1000);
  const [ended, deactivated] = await nextEvent(watcher);
  assert.deepEqual([ended, deactivated['activated']], ['alarms/deactivate', false]);
  assert.equal(deactivated['deactivate_at'], Date.UTC(2030, 0, 1, 0, 0, 2) * 1000);
  assert.equal(house.broker.feature(sys).alarms().history.length, 1);
});
