import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createBroker } from '@wrenmq/broker';
import { acknowledgementBytes, FakeClock, tempDirectory, WireClient } from '@wrenmq/testkit';
import { embed, settings as quiet } from '#root/test/embedding/start.ts';
import { connected, found, kindsOf, place, until } from './explain-place.ts';

// broker.explain: what was long ago, what goes on over connections, sessions and restarts, and what nobody can be told.

const durable = { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 3600 } } as const;

async function cut(broker: Parameters<typeof connected>[0], client: WireClient): Promise<void> {
  const before = connected(broker);
  await client.cut();
  await until(() => connected(broker) < before);
}

test('nothing was published near that time, and the client would not have got it either', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock });
  const client = await connect({ ...durable, keepAlive: 0 });
  await client.subscribe('t');
  clock.advance(300_000);
  assert.deepEqual(await kindsOf(broker), ['not-published t']);
  assert.deepEqual(await kindsOf(broker, { clientId: 'nobody' }), ['not-published t', 'no-session t']);
  assert.deepEqual(await kindsOf(broker, { topic: 'u' }), ['not-published u', 'no-subscription u']);
  await broker.publish({ topic: 't' });
  const atMs = clock.wallMs();
  clock.advance(300_000);
  assert.equal((await found(broker, 'delivered')).atMs, atMs);
  await found(broker, 'delivered', { at: atMs - 59_000 });
  await found(broker, 'delivered', { at: new Date(atMs + 61_000) });
  await found(broker, 'not-published', { at: atMs - 61_000 });
  await found(broker, 'not-published', { at: atMs + 63_000 });
});

test('of many messages that one is meant that is nearest to the time', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock });
  const client = await connect({ ...durable, keepAlive: 0 });
  await client.subscribe('t');
  const startMs = clock.wallMs();
  for (let i = 0; i < 10; i += 1) {
    await broker.publish({ topic: 't', qos: 1 });
    const { packetId } = await client.expect('publish');
    if (i % 2 === 0) client.send(acknowledgementBytes('puback', packetId));
    await client.unsubscribe('nothing');
    clock.advance(20_000);
  }
  for (let i = 0; i < 10; i += 1) {
    const kind = i % 2 === 0 ? 'delivered' : 'unacknowledged';
    const { atMs } = await found(broker, kind, { at: startMs + i * 20_000 + 9000 });
    assert.equal(atMs, startMs + i * 20_000);
  }
});

test('QoS 2 step by step', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect(durable);
  await client.subscribe('t');
  await broker.publish({ topic: 't', qos: 2 });
  const { packetId } = await client.expect('publish');
  const sent = await found(broker, 'unacknowledged');
  assert.deepEqual([sent.qos, sent.packetId, sent.acknowledgement], [2, packetId, null]);
  assert.match(sent.text, /PUBREC has not come/);
  client.send(acknowledgementBytes('pubrec', packetId));
  await client.expect('pubrel');
  const received = await found(broker, 'unacknowledged');
  assert.equal(received.acknowledgement?.packet, 'PUBREC');
  assert.match(received.text, /PUBCOMP has not come/);
  client.send(acknowledgementBytes('pubcomp', packetId));
  await client.unsubscribe('nothing');
  assert.equal((await found(broker, 'delivered')).acknowledgement?.packet, 'PUBCOMP');
  await broker.publish({ topic: 't', qos: 2 });
  const refused = await client.expect('publish');
  client.send(acknowledgementBytes('pubrec', refused.packetId, 0x97));
  await client.unsubscribe('nothing');
  assert.equal((await found(broker, 'delivered')).acknowledgement?.packet, 'refused');
});

test('what waited is sent when the client is back, and sent again when it was not acknowledged', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock });
  const first = await connect({ ...durable, keepAlive: 0 });
  await first.subscribe([{ filter: '#', qos: 1 }]);
  await cut(broker, first);
  const queuedAtMs = clock.wallMs();
  await broker.publish({ topic: 'before', qos: 1 });
  await broker.publish({ topic: 't', qos: 1 });
  await broker.publish({ topic: 'behind', qos: 1 });
  clock.advance(60_000);
  assert.deepEqual((({ waitingFor, waiting, atMs }) => [waitingFor, waiting, atMs])(await found(broker, 'queued')), [
    'client',
    3,
    queuedAtMs,
  ]);
  const second = await connect({ ...durable, keepAlive: 0 });
  const sentAtMs = clock.wallMs();
  for (let i = 0; i < 3; i += 1) await second.expect('publish');
  const sent = await found(broker, 'unacknowledged');
  assert.deepEqual([sent.queuedAtMs, sent.atMs, sent.packetId, sent.resentAtMs], [queuedAtMs, sentAtMs, 2, null]);
  await cut(broker, second);
  clock.advance(60_000);
  const third = await connect({ ...durable, keepAlive: 0 });
  for (let i = 0; i < 3; i += 1) await third.receive();
  await third.unsubscribe('nothing');
  const delivered = await found(broker, 'delivered');
  assert.deepEqual([delivered.queuedAtMs, delivered.atMs, delivered.resentAtMs], [queuedAtMs, sentAtMs, sentAtMs + 60_000]);
  assert.deepEqual(delivered.acknowledgement, { packet: 'PUBACK', atMs: sentAtMs + 60_000 });
});

test('what lay on disk while the client was away is known by its place in the log', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock });
  const first = await connect({ ...durable, keepAlive: 0 });
  await first.subscribe([{ filter: '#', qos: 1 }]);
  await cut(broker, first);
  for (let i = 0; i < 400; i += 1) await broker.publish({ topic: `n/${i}`, qos: 1 });
  const publishedAt = clock.wallMs();
  clock.advance(60_000);
  const second = await connect({ ...durable, keepAlive: 0 });
  for (let i = 0; i < 400; i += 1) assert.equal((await second.receive()).topic, `n/${i}`);
  await second.unsubscribe('nothing');
  for (const topic of ['n/0', 'n/150', 'n/399']) {
    const { queuedAtMs, acknowledgement } = await found(broker, 'delivered', { topic });
    assert.deepEqual([queuedAtMs, acknowledgement], [publishedAt, { packet: 'PUBACK', atMs: publishedAt + 60_000 }], topic);
  }
});

test('what the subscriptions were then, whatever the client has done since', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect(durable);
  await client.subscribe([{ filter: 'home/+/temp', qos: 1 }]);
  await broker.publish({ topic: 'home/temp' });
  const question = { topic: 'home/temp' };
  const nearest = { filter: 'home/+/temp', qos: 1, noLocal: false };
  assert.deepEqual((await found(broker, 'no-subscription', question)).nearest, nearest);
  await client.subscribe([{ filter: 'home/+/temp', qos: 0, noLocal: true }]);
  await client.subscribe([{ filter: 'home/temp', qos: 0 }]);
  assert.deepEqual((await found(broker, 'no-subscription', question)).nearest, nearest, 'subscribed since');
  await cut(broker, client);
  await connect(durable);
  assert.deepEqual((await found(broker, 'no-subscription', question)).nearest, nearest, 'gone and back');
  await connect({ clientId: 'c' });
  assert.deepEqual((await found(broker, 'no-subscription', question)).nearest, nearest, 'begun anew');
});

test('what waited or was not acknowledged when the session ended', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect({ ...durable, properties: { ...durable.properties, receiveMaximum: 1 } });
  await client.subscribe('#');
  await broker.publish({ topic: 't', qos: 1 });
  await client.expect('publish');
  await broker.publish({ topic: 'u', qos: 1 });
  await cut(broker, client);
  await connect({ clientId: 'c' });
  assert.ok((await found(broker, 'unacknowledged')).sessionEndedAtMs !== null);
  assert.ok((await found(broker, 'session-ended', { topic: 'u' })).queuedAtMs !== null);
});

test('a retained message that came with the subscription is not the publishing before it', async (t) => {
  const clock = new FakeClock();
  const { broker, connect } = await embed(t, { clock });
  await broker.publish({ topic: 't', retain: true, payload: 'kept' });
  const publishedAt = clock.wallMs();
  clock.advance(500);
  const client = await connect({ ...durable, keepAlive: 0 });
  await client.subscribe('t');
  await client.receive();
  const { retain, atMs } = await found(broker, 'delivered');
  assert.deepEqual([retain, atMs], [true, publishedAt + 500]);
  assert.ok((await kindsOf(broker, { at: publishedAt })).includes('no-session t'));
});

test('another member of the shared subscription has it, or nobody', async (t) => {
  const { broker, connect } = await embed(t);
  const [one, other] = [await connect({ clientId: 'c' }), await connect({ clientId: 'other' })];
  for (const client of [one, other]) await client.subscribe([{ filter: '$share/g/t', qos: 1 }]);
  for (let i = 0; i < 2; i += 1) await broker.publish({ topic: 't', qos: 1 });
  for (const client of [one, other]) {
    await client.receive();
    await client.unsubscribe('nothing');
  }
  const kinds = await Promise.all(['c', 'other'].map(async (clientId) => (await kindsOf(broker, { clientId, at: Date.now() })).join()));
  assert.ok(kinds.every((kind) => kind.startsWith('delivered')));
  await one.cut();
  await until(() => connected(broker) === 1);
  await broker.publish({ topic: 't', qos: 1 });
  await other.receive();
  await found(broker, 'no-session');
  const third = await connect({ clientId: 'third' });
  await third.subscribe([{ filter: '$share/h/u', qos: 1 }]);
  const fourth = await connect({ clientId: 'fourth' });
  await fourth.subscribe([{ filter: '$share/h/u', qos: 1 }]);
  await broker.publish({ topic: 'u', qos: 1 });
  const found2 = await Promise.all(['third', 'fourth'].map((clientId) => kindsOf(broker, { clientId, topic: 'u' })));
  assert.deepEqual(found2.flat().toSorted(), ['other-member u', 'unacknowledged u']);
  const away = await connect({ ...durable, clientId: 'away' });
  await away.subscribe([{ filter: '$share/i/v', qos: 0 }]);
  await cut(broker, away);
  await broker.publish({ topic: 'v' });
  const { filter, reason } = await found(broker, 'other-member', { clientId: 'away', topic: 'v' });
  assert.deepEqual([filter, reason], ['$share/i/v', 'no-member']);
});

test('what clears a retained message and is kept from subscribers', async (t) => {
  const { broker, connect } = await embed(t, { settings: { retained: { stopPublishClearMessage: true } } });
  const client = await connect({ clientId: 'c' });
  await client.subscribe('t');
  await broker.publish({ topic: 't', retain: true });
  await found(broker, 'silenced');
});

test('what the record has passed is not known any more, though the history may have the message', async (t) => {
  const clock = new FakeClock();
  const { broker } = await embed(t, { clock, settings: { explain: { ringBytes: '64KiB' } } });
  await broker.publish({ topic: 't', qos: 1 });
  const publishedAt = clock.wallMs();
  await found(broker, 'no-session', { at: publishedAt });
  for (let i = 0; i < 3000; i += 1) {
    clock.advance(100);
    await broker.publish({ topic: `noise/${i}` });
  }
  const { reachesBackToMs, text, offset } = await found(broker, 'not-known', { at: publishedAt });
  assert.ok(reachesBackToMs > publishedAt && reachesBackToMs < clock.wallMs());
  assert.match(text, /not known any more/);
  assert.equal(offset !== null, broker.config.history.enabled);
  await found(broker, 'no-session', { topic: 'noise/2999' });
  await found(broker, 'not-known', { topic: 'noise/0', at: publishedAt + 100 });
});

test('after a restart: what is under way is looked at, and the rest is not known any more', async (t) => {
  const directory = await tempDirectory('wrenmq-explain-');
  t.after(() => directory.remove());
  const options = { settings: { ...quiet, dataDirectory: directory.path, durability: 'disk' } };
  const before = await start(t, options);
  const client = await connectTo(t, before.port);
  await client.subscribe([{ filter: '#', qos: 1 }]);
  await before.broker.publish({ topic: 't', qos: 1 });
  const { packetId } = await client.expect('publish');
  await before.broker.stop();
  const after = await start(t, options);
  const again = await connectTo(t, after.port);
  assert.equal((await again.expect('publish')).packetId, packetId);
  const sent = await found(after.broker, 'unacknowledged');
  assert.equal(sent.packetId, packetId);
  await found(after.broker, 'not-published', { topic: 'u' });
  await found(after.broker, 'not-known', { at: Date.now() - 3600_000 });
});

test('who asks for what is no topic, or where nothing is remembered, is told', async (t) => {
  const { broker } = await embed(t);
  await assert.rejects(broker.explain({ clientId: 'c', topic: 'a/#' }), { code: 'explain.topic' });
  await assert.rejects(broker.explain({ clientId: 'c', topic: 't', at: new Date('never') }), { code: 'explain.topic' });
  for (const explain of [{ enabled: false }, { ringBytes: 0 }]) {
    const { broker: forgetful, connect } = await embed(t, { settings: { explain } });
    const client = await connect({ clientId: 'c' });
    await client.subscribe('t');
    await forgetful.publish({ topic: 't', qos: 1 });
    await client.receive();
    await assert.rejects(forgetful.explain({ clientId: 'c', topic: 't' }), { code: 'explain.disabled' });
  }
});

test('no client can ask: there is no topic for it', async (t) => {
  const { broker, connect } = await place(t);
  const client = await connect({ clientId: 'curious' });
  for (const filter of ['$SYS/#', '$explain/#', '#', '+/+']) await client.subscribe(filter);
  await broker.publish({ topic: 't' });
  await broker.explain({ clientId: 'c', topic: 't' });
  await client.receive();
  await client.expectNothing();
});

async function start(t: TestContext, options: object): Promise<{ broker: ReturnType<typeof createBroker>; port: number }> {
  const broker = createBroker(options);
  t.after(() => broker.stop());
  const { listeners } = await broker.start();
  return { broker, port: listeners[0].port };
}

async function connectTo(t: TestContext, port: number): Promise<WireClient> {
  const client = await WireClient.open({ host: '127.0.0.1', port });
  t.after(() => client.transport.destroy());
  await client.connect(durable);
  return client;
}
