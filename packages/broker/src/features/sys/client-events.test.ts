import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { type ClientFacts, type DisconnectDetails, type FeatureContext, type HookPoint, type HookPoints } from '#hooks/feature.ts';
import { topicNameError } from '#topic/topic-name.ts';
import { ClientEvents, type EventSettings } from './client-events.ts';

const none: EventSettings = { clientConnected: false, clientDisconnected: false, clientSubscribed: false, clientUnsubscribed: false };
const all: EventSettings = { clientConnected: true, clientDisconnected: true, clientSubscribed: true, clientUnsubscribed: true };
const nowMs = Date.UTC(2030, 0, 1);
const client: ClientFacts = {
  clientId: 'c',
  username: 'u',
  listener: 'tcp.default',
  peerAddress: '1.2.3.4',
  peerPort: 5000,
  protocolVersion: 5,
  connectedAtMs: nowMs - 5000,
};
const details = { localPort: 1883, keepAlive: 60, cleanStart: true, sessionExpiryInterval: 0, receiveMaximum: 32, properties: {} };
const ended: DisconnectDetails = { localPort: 1883, by: 'client', isDiscarded: false, properties: {} };
const asked = { noLocal: true, retainAsPublished: false, retainHandling: 2, identifier: 7 } as const;

function start(settings: EventSettings) {
  const hooks = new Map<HookPoint, (...facts: never[]) => unknown>();
  const published: [string, unknown][] = [];
  const context: Pick<FeatureContext<unknown>, 'clock' | 'clients' | 'on' | 'announce'> = {
    clock: new FakeClock(nowMs),
    clients: {
      facts: (clientId) => (clientId === 'c' ? client : null),
      subscribe: () => assert.fail('no client is needed'),
      unsubscribe: () => assert.fail('no client is needed'),
    },
    on: (point, hook) => {
      assert.ok(!hooks.has(point));
      hooks.set(point, hook);
      return () => void hooks.delete(point);
    },
    announce: (topic, payload) => void published.push([topic, JSON.parse(payload)]),
  };
  const events = new ClientEvents(context, '$SYS/brokers/n');
  events.reload(settings);
  const tell = <Point extends HookPoint>(point: Point, ...facts: Parameters<HookPoints[Point]>): void =>
    void (hooks.get(point) as ((...facts: Parameters<HookPoints[Point]>) => unknown) | undefined)?.(...facts);
  return { events, hooks, tell, take: () => published.splice(0) };
}

const common = {
  clientid: 'c',
  username: 'u',
  ipaddress: '1.2.3.4',
  sockport: 1883,
  protocol: 'mqtt',
  proto_name: 'MQTT',
  proto_ver: 5,
  connected_at: nowMs - 5000,
  ts: nowMs,
};

test('connected has the fields of the original, in its order', () => {
  const { tell, take } = start(all);
  tell('client.connected', client, false, details);
  const [[topic, payload]] = take();
  assert.equal(topic, '$SYS/brokers/n/clients/c/connected');
  const rest = { conn_props: {}, receive_maximum: 32, keepalive: 60, clean_start: true, expiry_interval: 0, client_attrs: {} };
  assert.equal(JSON.stringify(payload), JSON.stringify({ ...common, ...rest }));
});

test('disconnected says when the client came, when it went and why', () => {
  const { tell, take } = start(all);
  tell('client.disconnected', client, 0, ended);
  const [[topic, payload]] = take();
  assert.equal(topic, '$SYS/brokers/n/clients/c/disconnected');
  const rest = { reason: 'normal', disconnected_at: nowMs, disconn_props: {}, client_attrs: {} };
  assert.equal(JSON.stringify(payload), JSON.stringify({ ...common, ...rest }));
});

test('subscribed and unsubscribed name the subscription as the client calls it', () => {
  const { tell, take } = start(all);
  tell('subscription.added', 'c', '$share/g/t/#', 1, asked);
  tell('subscription.removed', 'c', '$share/g/t/#');
  const what = { clientid: 'c', username: 'u', protocol: 'mqtt', topic: '$share/g/t/#' };
  assert.deepEqual(
    take().map(([topic, payload]) => [topic, JSON.stringify(payload)]),
    [
      ['$SYS/brokers/n/clients/c/subscribed', JSON.stringify({ ...what, subopts: { qos: 1, rh: 2, rap: 0, nl: 1 }, ts: nowMs })],
      ['$SYS/brokers/n/clients/c/unsubscribed', JSON.stringify({ ...what, ts: nowMs })],
    ],
  );
});

test('a client that is gone when its subscription ends has no user name any more', () => {
  const { tell, take } = start(all);
  tell('subscription.removed', 'gone', 't');
  assert.equal((take()[0][1] as { username: unknown }).username, null);
});

test('why a connection ended, in the words of the original', () => {
  const { tell, take } = start(all);
  const reasonOf = (reasonCode: number, changes: Partial<DisconnectDetails> = {}, listener = 'tcp.default'): unknown => {
    tell('client.disconnected', { ...client, listener }, reasonCode, { ...ended, by: 'broker', ...changes });
    return (take()[0][1] as { reason: unknown }).reason;
  };
  assert.equal(reasonOf(0x04, { by: 'client' }), 'disconnect_with_will_message');
  assert.equal(reasonOf(0x80, { by: 'network' }), 'tcp_closed');
  assert.equal(reasonOf(0x80, { by: 'network' }, 'ws.default'), 'tcp_closed');
  assert.equal(reasonOf(0x80, { by: 'network' }, 'tls.default'), 'ssl_closed');
  assert.equal(reasonOf(0x80, { by: 'network' }, 'wss.default'), 'ssl_closed');
  assert.equal(reasonOf(0x8e), 'takenover');
  assert.equal(reasonOf(0x8e, { isDiscarded: true }), 'discarded');
  const others = {
    0x81: 'malformed_packet',
    0x82: 'protocol_error',
    0x87: 'not_authorized',
    0x89: 'server_busy',
    0x8b: 'server_shutting_down',
    0x8d: 'keepalive_timeout',
    0x93: 'receive_maximum_exceeded',
    0x95: 'packet_too_large',
    0x97: 'quota_exceeded',
    0x98: 'kicked',
    0x9b: 'qos_not_supported',
  };
  for (const [code, name] of Object.entries(others)) assert.equal(reasonOf(Number(code)), name);
});

test('properties have the names of the standard, and what a client proves itself with is not told', () => {
  const { tell, take } = start(all);
  const properties = {
    sessionExpiryInterval: 9,
    requestProblemInformation: false,
    authenticationMethod: 'SCRAM-SHA-256',
    authenticationData: Buffer.from('secret'),
    userProperties: [['a', 'b']] as [string, string][],
  };
  tell('client.connected', client, false, { ...details, properties });
  assert.deepEqual((take()[0][1] as { conn_props: unknown }).conn_props, {
    'Session-Expiry-Interval': 9,
    'Request-Problem-Information': false,
    'Authentication-Method': 'SCRAM-SHA-256',
    'User-Property': { a: 'b' },
  });
});

test('a client of MQTT 3.1 speaks MQIsdp', () => {
  const { tell, take } = start(all);
  tell('client.connected', { ...client, protocolVersion: 3 }, false, details);
  assert.equal((take()[0][1] as { proto_name: unknown }).proto_name, 'MQIsdp');
});

test('a client identifier is one level of a valid topic, whatever it is, and no two are the same one', () => {
  const { tell, take } = start(all);
  const seen = new Set<string>();
  const ids = ['a/b', 'a%2Fb', '+', '#', 'a+b', '/', '//', '%', '', '$SYS', '\u0000', 'ü', 'x'.repeat(65_535), '\u{1F600}'.repeat(1023)];
  for (const clientId of ids) {
    tell('client.connected', { ...client, clientId }, false, details);
    const [[topic, payload]] = take();
    assert.equal(topicNameError(topic, 128), null, topic.slice(0, 60));
    assert.equal(topic.split('/').length, 6, topic.slice(0, 60));
    assert.equal((payload as { clientid: string }).clientid, clientId);
    seen.add(topic);
  }
  assert.equal(seen.size, ids.length);
});

test('what is off is not even asked for, and a reload turns it on and off', () => {
  const { events, hooks, tell, take } = start(none);
  assert.equal(hooks.size, 0);
  events.reload({ ...none, clientUnsubscribed: true });
  assert.deepEqual([...hooks.keys()], ['subscription.removed']);
  events.reload({ ...none, clientUnsubscribed: true });
  tell('subscription.removed', 'c', 't');
  assert.equal(take().length, 1);
  events.reload(all);
  assert.equal(hooks.size, 4);
  events.stop();
  assert.equal(hooks.size, 0);
});
