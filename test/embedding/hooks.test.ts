import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientFacts, type Delivery, ReasonCode, rewriteMessage } from '@wrenmq/broker';
import { acknowledgementBytes, connectBytes, FakeClock, pingreqBytes, publishBytes, WireClient } from '@wrenmq/testkit';
import { embed } from './start.ts';

test('a transform rewrites the topic of what clients publish', async (t) => {
  const { connect } = await embed(t, {}, (broker) =>
    broker.hook('message.inbound', (client, message) =>
      rewriteMessage(message, { topic: `tenants/${client.username ?? 'none'}/${message.topic}` }),
    ),
  );
  const client = await connect();
  await client.subscribe({ filter: 'tenants/#', qos: 1 });
  assert.equal(await client.publish({ topic: 'a', payload: 'x', qos: 1, properties: { contentType: 'text/plain' } }), 0);
  const message = await client.receive();
  assert.deepEqual([message.topic, message.payload.toString(), message.properties.contentType], ['tenants/none/a', 'x', 'text/plain']);
});

test('a transform rewrites what one client gets, and keeps things from it', async (t) => {
  const { broker, connect } = await embed(t, {}, (prepared) =>
    prepared.hook('message.outbound', (clientId, message) => {
      if (message.topic === 'secret') return { reject: ReasonCode.NotAuthorized };
      return rewriteMessage(message, { payload: `${message.payload.toString()} for ${clientId}` });
    }),
  );
  const [a, b] = [await connect({ clientId: 'a' }), await connect({ clientId: 'b' })];
  for (const client of [a, b]) await client.subscribe({ filter: '#', qos: 1 });
  await broker.publish({ topic: 'secret', payload: 'x', qos: 1 });
  for (const qos of [0, 1] as const) {
    await broker.publish({ topic: 'news', payload: `QoS ${qos}`, qos });
    assert.equal((await a.receive()).payload.toString(), `QoS ${qos} for a`);
    assert.equal((await b.receive()).payload.toString(), `QoS ${qos} for b`);
  }
});

test('a gate denies a client with the code of its choice, after asking somebody else', async (t) => {
  const { connect, target } = await embed(t, {}, (broker) =>
    broker.hook('client.authenticate', async (client, password) => {
      await new Promise(setImmediate);
      if (client.username === null) return 'abstain';
      return Buffer.from(password ?? '').toString() === 'right' ? 'allow' : { deny: ReasonCode.BadUserNameOrPassword };
    }),
  );
  const stranger = await WireClient.open(target);
  stranger.send(connectBytes(5, { clientId: 's', userName: 'u', password: 'wrong' }));
  assert.equal((await stranger.expect('connack')).reasonCode, ReasonCode.BadUserNameOrPassword);
  await stranger.expectClose();
  await connect({ clientId: 'u', userName: 'u', password: 'right' });
  await connect({ clientId: 'anonymous' });
});

test('a gate that throws lets nobody in', async (t) => {
  const { target } = await embed(t, {}, (broker) =>
    broker.hook('client.authenticate', () => {
      throw new Error('the directory is gone');
    }),
  );
  const client = await WireClient.open(target);
  client.send(connectBytes(5, { clientId: 'c' }));
  assert.equal((await client.expect('connack')).reasonCode, ReasonCode.NotAuthorized);
});

test('a gate decides what may be published and subscribed', async (t) => {
  const { connect } = await embed(t, {}, (broker) =>
    broker.hook('client.authorize', (_client, action, topic) =>
      action === 'publish' && topic.startsWith('read-only/') ? { deny: ReasonCode.NotAuthorized } : 'abstain',
    ),
  );
  const client = await connect();
  assert.deepEqual(await client.subscribe({ filter: 'read-only/#', qos: 1 }), [1]);
  assert.equal(await client.publish({ topic: 'read-only/a', qos: 1 }), ReasonCode.NotAuthorized);
  await client.expectNothing();
});

test('a gate closes the door to an address before anything is read', async (t) => {
  const { target } = await embed(t, {}, (broker) =>
    broker.hook('connection.admit', ({ peerAddress }) => (peerAddress === '127.0.0.1' ? { deny: ReasonCode.Banned } : 'abstain')),
  );
  const client = await WireClient.open(target);
  await client.expectClose();
});

test('a transform rewrites subscriptions, and refuses some', async (t) => {
  const { broker, connect } = await embed(t, {}, (prepared) =>
    prepared.hook('subscription.inbound', (_client, request) => {
      if (request.filter === '#') return { reject: ReasonCode.NotAuthorized };
      return { ...request, filter: `mine/${request.filter}` };
    }),
  );
  const client = await connect();
  assert.deepEqual(await client.subscribe([{ filter: '#' }, { filter: 'a' }]), [ReasonCode.NotAuthorized, 0]);
  await broker.publish({ topic: 'mine/a' });
  assert.equal((await client.receive()).topic, 'mine/a');
  assert.deepEqual(await client.unsubscribe('a'), [0]);
});

test('a take keeps a message for itself', async (t) => {
  const taken: string[] = [];
  const { connect } = await embed(t, {}, (broker) =>
    broker.hook('message.accept', (message) => {
      if (!message.topic.startsWith('later/')) return 'pass';
      taken.push(message.payload.toString());
      return 'taken';
    }),
  );
  const client = await connect();
  await client.subscribe('#');
  assert.equal(await client.publish({ topic: 'later/a', payload: 'x', qos: 1 }), 0);
  await client.expectNothing();
  assert.deepEqual(taken, ['x']);
});

test('observers hear the whole life of a client', async (t) => {
  const heard: string[] = [];
  const name = ({ clientId }: ClientFacts): string => clientId;
  const { broker, connect } = await embed(t, {}, (prepared) => {
    prepared
      .hook('client.connected', (client, isSessionPresent) => void heard.push(`connected ${name(client)} ${isSessionPresent}`))
      .hook('client.disconnected', (client, reasonCode) => void heard.push(`disconnected ${name(client)} ${reasonCode}`))
      .hook('session.opened', (clientId) => void heard.push(`opened ${clientId}`))
      .hook('session.closed', (clientId) => void heard.push(`closed ${clientId}`))
      .hook('subscription.added', (clientId, filter, qos) => void heard.push(`subscribed ${clientId} ${filter} ${qos}`))
      .hook('subscription.removed', (clientId, filter) => void heard.push(`unsubscribed ${clientId} ${filter}`))
      .hook('message.published', (message, hasSubscribers) => void heard.push(`published ${message.topic} ${hasSubscribers}`))
      .hook('message.delivered', (clientId, message) => void heard.push(`delivered ${clientId} ${message.topic} ${message.qos}`));
  });
  const client = await connect({ clientId: 'c' });
  await client.subscribe({ filter: 'a', qos: 1 });
  for (const qos of [0, 1] as const) {
    await broker.publish({ topic: 'a', qos });
    await client.receive();
  }
  await client.unsubscribe('a');
  client.send(Buffer.from([0xe0, 0]));
  await client.whenClosed;
  await broker.stop();
  assert.deepEqual(heard, [
    'opened c',
    'connected c false',
    'subscribed c a 1',
    'delivered c a 0',
    'published a true',
    'published a true',
    'delivered c a 1',
    'unsubscribed c a',
    'closed c',
    'disconnected c 0',
  ]);
});

test('an observer may leave out topics, and deliveries that were fast', async (t) => {
  const clock = new FakeClock();
  const heard: [string, string, number, number][] = [];
  const note = (clientId: string, { message, qos }: Delivery, tookMs: number): void =>
    void heard.push([clientId, message.topic, qos, tookMs]);
  const { broker, connect } = await embed(t, { clock }, (prepared) =>
    prepared.hook('delivery.finished', note, { isAbout: (topic) => topic === 'a' }).hook('delivery.finished', note, { fromMs: 500 }),
  );
  const client = await connect({ clientId: 'c' });
  await client.subscribe({ filter: '#', qos: 1 });
  for (const [topic, tookMs] of [
    ['b', 10],
    ['a', 20],
    ['b', 700],
  ] as const) {
    await broker.publish({ topic, qos: 1 });
    const { packetId } = await client.expect('publish');
    clock.advance(tookMs);
    client.send(acknowledgementBytes('puback', packetId));
    client.send(pingreqBytes());
    await client.expect('pingresp');
  }
  // The first hook may hear of what the second asks for, and asks for topics only to be spared the others.
  assert.deepEqual(
    heard.filter(([, topic]) => topic === 'a'),
    [['c', 'a', 1, 20]],
  );
  assert.ok(heard.some(([, topic, , tookMs]) => topic === 'b' && tookMs === 700));
});

test('an observer hears of every drop', async (t) => {
  const drops: unknown[] = [];
  const { connect } = await embed(t, {}, (broker) =>
    broker
      .hook('client.authorize', (_client, action) => (action === 'publish' ? { deny: ReasonCode.NotAuthorized } : 'abstain'))
      .hook('message.dropped', (clientId, message, reason) => void drops.push([clientId, message?.topic, reason])),
  );
  const client = await connect({ clientId: 'c' });
  await client.publish({ topic: 'a', qos: 1 });
  assert.deepEqual(drops, [['c', 'a', 'not-authorized']]);
});

test('an observer that fails disturbs nobody', async (t) => {
  const { connect } = await embed(t, {}, (broker) =>
    broker
      .hook('message.published', () => {
        throw new Error('a bug');
      })
      .hook('message.published', () => Promise.reject(new Error('another')) as never),
  );
  const client = await connect();
  await client.subscribe('a');
  client.send(publishBytes(5, { topic: 'a', payload: 'x' }));
  assert.equal((await client.receive()).payload.toString(), 'x');
});
