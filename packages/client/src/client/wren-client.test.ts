import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import type { SessionStore } from '#store/session-store.ts';
import { text } from '#topic/payload-codecs.ts';
import { ScriptedBroker, turns } from './test-broker.ts';

const { CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, PUBACK } = PacketType;

test('CONNECT carries what the options say', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({
    keepAlive: 30,
    session: { expiry: 60 },
    inbound: { receiveMaximum: 7, maxPacketSize: 5_000 },
    userProperties: [['k', 'v']],
    will: { topic: 'w', payload: 'gone', qos: 1, retain: true, delay: 5, expiry: 9, contentType: 't' },
  });
  await client.online();
  const [{ clientId, keepAlive, properties, will, cleanStart }] = broker.last.of(CONNECT);
  assert.deepEqual([clientId, keepAlive, cleanStart], ['c', 30, true]);
  assert.deepEqual(
    [properties?.sessionExpiryInterval, properties?.receiveMaximum, properties?.maximumPacketSize, properties?.userProperties],
    [60, 7, 5_000, [['k', 'v']]],
  );
  assert.deepEqual(will, {
    topic: 'w',
    payload: text.encode('gone'),
    qos: 1,
    retain: true,
    properties: { willDelayInterval: 5, payloadFormatIndicator: 1, messageExpiryInterval: 9, contentType: 't' },
  });
  await client.close();
});

test('without a name it makes one up, which every broker takes [MQTT-3.1.3-5]', async () => {
  const client = new ScriptedBroker().client({ clientId: undefined! });
  assert.match(client.clientId, /^[0-9a-zA-Z]{1,23}$/);
  await client.close();
});

test('the limits are those of MQTT until the broker has named its own', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== CONNECT) return false;
    const properties = {
      receiveMaximum: 3,
      maximumQoS: 1,
      retainAvailable: false,
      maximumPacketSize: 99,
      serverKeepAlive: 11,
      responseInformation: 'i',
    } as const;
    connection.send({ type: PacketType.CONNACK, sessionPresent: false, reasonCode: 0, properties });
    return true;
  };
  const client = broker.client({ keepAlive: 30 });
  assert.equal(client.limits.receiveMaximum, 65_535);
  await client.online();
  const { receiveMaximum, maximumQoS, retain, maxPacketSize, keepAlive } = client.limits;
  assert.deepEqual([receiveMaximum, maximumQoS, retain, maxPacketSize, keepAlive, client.responseInformation], [3, 1, false, 99, 11, 'i']);
  await client.close();
});

test('subscriptions are made again when the session was lost, and only then', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ session: { expiry: 100 } });
  const lost: unknown[] = [];
  client.on('sessionlost', (event) => lost.push(event));
  await client.subscribe('a', { qos: 1 });
  broker.sessionPresent = true;
  broker.last.cut();
  await turns();
  broker.clock.advance(60_000);
  await client.online();
  await turns();
  assert.deepEqual([broker.last.of(SUBSCRIBE).length, lost], [0, []]);
  broker.sessionPresent = false;
  broker.last.cut();
  await turns();
  broker.clock.advance(60_000);
  await client.online();
  await turns();
  assert.deepEqual([broker.last.of(SUBSCRIBE).length, lost], [1, [{ republished: 0, failed: 0 }]]);
  await client.close();
});

test('close says goodbye, settles everything, and can be called again', async () => {
  const broker = new ScriptedBroker();
  broker.script = ({ type }) => type === PUBLISH;
  const client = broker.client();
  const stream = await client.subscribe('a');
  const outcomes = [client.publish('a', 'x', { qos: 1 }), client.drain(), client.request('q', 'x'), stream[Symbol.asyncIterator]().next()];
  await turns();
  const connection = broker.last;
  await Promise.all([client.close(), client.close()]);
  const settled = await Promise.allSettled(outcomes);
  assert.deepEqual(
    settled.map((each) => (each.status === 'fulfilled' ? 'fulfilled' : (each.reason as { code: string }).code)),
    ['CLOSED', 'CLOSED', 'CLOSED', 'fulfilled'],
  );
  await stream.closed;
  assert.equal(connection.of(DISCONNECT)[0].reasonCode, 0);
  assert.equal(client.state, 'closed');
  assert.equal(broker.clock.pending, 0);
  for (const call of [client.publish('a', 'x'), client.subscribe('a'), client.online(), client.drain(), client.enqueue('a', 'x')])
    await assert.rejects(call, { code: 'CLOSED' });
});

test('the goodbye carries its reason, its expiry, and the wish for the will', async () => {
  const farewell = async (options: Parameters<ReturnType<ScriptedBroker['client']>['close']>[0], protocol: '5' | '3.1.1' = '5') => {
    const broker = new ScriptedBroker();
    const client = broker.client({ protocol, session: { expiry: 10 } });
    await client.online();
    await client.close(options);
    return broker.last.of(DISCONNECT).map(({ reasonCode, properties }) => [reasonCode, properties?.sessionExpiryInterval]);
  };
  assert.deepEqual(await farewell({ reason: 0x98, sessionExpiry: 0 }), [[0x98, 0]]);
  assert.deepEqual(await farewell({ withWill: true }), [[0x04, undefined]]);
  assert.deepEqual(await farewell({ withWill: true }, '3.1.1'), []);
  assert.deepEqual(await farewell({}, '3.1.1'), [[0, undefined]]);
});

test('close ends offline, with unacknowledged messages and a long way to the next attempt', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ reconnect: { minDelay: 60_000 } });
  await client.online();
  broker.script = ({ type }) => type === PUBLISH;
  const published = client.publish('a', 'x', { qos: 1 });
  await turns();
  broker.last.cut();
  await turns();
  assert.equal(client.state, 'offline');
  await client.close();
  await assert.rejects(published, { code: 'CLOSED' });
});

test('close ends while the attempt hangs, and when the store does', async () => {
  const broker = new ScriptedBroker();
  broker.isSilent = true;
  const client = broker.client();
  await turns();
  await client.close();

  const store: SessionStore = {
    isDurable: true,
    open: () => Promise.resolve({ existed: false, ops: (async function* () {})() }),
    append: () => new Promise(() => undefined),
    close: () => new Promise(() => undefined),
  };
  const stuck = new ScriptedBroker();
  const other = stuck.client({ session: { store } });
  await other.online();
  const enqueued = other.enqueue('a', 'x', { qos: 1 });
  const closed = other.close({ timeout: 3_000 });
  await turns();
  stuck.clock.advance(3_000);
  await closed;
  await assert.rejects(enqueued, { code: 'CLOSED' });
});

test('what is enqueued while the store is still writing is stored when close has ended', async () => {
  let finish!: () => void;
  const store: SessionStore = {
    isDurable: true,
    open: () => Promise.resolve({ existed: false, ops: (async function* () {})() }),
    append: (ops) => (ops.some(({ op }) => op === 'out.put') ? new Promise((resolve) => (finish = resolve)) : Promise.resolve()),
    close: () => new Promise((resolve) => setImmediate(resolve)),
  };
  const broker = new ScriptedBroker();
  broker.isSilent = true;
  const client = broker.client({ session: { store } });
  const enqueued = client.enqueue('a', 'x', { qos: 1 });
  await turns();
  const closed = client.close();
  finish();
  await closed;
  const { seq, acked } = await enqueued;
  assert.equal(seq, 1n);
  await assert.rejects(acked, { code: 'CLOSED' });
});

test('the signal of the options closes the client', async () => {
  const broker = new ScriptedBroker();
  const abortion = new AbortController();
  const client = broker.client({ signal: abortion.signal });
  await client.online();
  abortion.abort();
  await turns();
  assert.equal(client.state, 'closed');
  const late = broker.client({ signal: abortion.signal });
  await assert.rejects(late.online(), { code: 'ABORTED' });
});

test('a request finds its answer by its correlation data', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== PUBLISH) return false;
    const { responseTopic, correlationData } = packet.properties!;
    if (packet.topic === 'silent') return false;
    const answer = (payload: string, correlation = correlationData!): void =>
      connection.deliver(responseTopic!, 0, { payload: text.encode(payload), properties: { correlationData: correlation } });
    answer('stray', new Uint8Array(16));
    answer(`${packet.topic} 1`);
    answer(`${packet.topic} 2`);
    return false;
  };
  const client = broker.client();
  const [a, b] = await Promise.all([client.request('a', 'x'), client.request('b', 'x', { qos: 0 })]);
  assert.deepEqual([a.text(), b.text()], ['a 1', 'b 1']);
  assert.equal(broker.last.of(SUBSCRIBE).length, 1);
  const [{ qos, properties }] = broker.last.of(PUBLISH);
  assert.deepEqual([qos, properties?.messageExpiryInterval, properties?.correlationData?.length], [1, 30, 16]);

  const many: string[] = [];
  for await (const message of client.requestMany('m', 'x', { max: 2 })) many.push(message.text());
  const idle: string[] = [];
  const collecting = (async () => {
    for await (const message of client.requestMany('i', 'x', { idle: 100 })) idle.push(message.text());
  })();
  await turns();
  broker.clock.advance(100);
  await collecting;
  assert.deepEqual(
    [many, idle],
    [
      ['m 1', 'm 2'],
      ['i 1', 'i 2'],
    ],
  );

  const unanswered = client.request('silent', 'x', { timeout: 1_000 });
  const aborted = client.request('silent', 'x', { signal: AbortSignal.abort() });
  await turns();
  broker.clock.advance(1_000);
  await assert.rejects(unanswered, { code: 'TIMEOUT' });
  await assert.rejects(aborted, { code: 'ABORTED' });
  await client.close();
});

test('a request that nobody listens to fails at once', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== PUBLISH) return false;
    connection.send({ type: PUBACK, packetId: packet.packetId, reasonCode: 0x10 });
    return true;
  };
  const client = broker.client();
  await assert.rejects(client.request('q', 'x'), { code: 'REFUSED', reasonCode: 0x10 });
  await client.close();
});

test('requests need MQTT 5', async () => {
  const client = new ScriptedBroker().client({ protocol: '3.1.1' });
  await assert.rejects(client.request('q', 'x'), { code: 'NOT_SUPPORTED' });
  await client.close();
});

test('respond answers to the response topic with the same correlation data', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const seen: string[] = [];
  await client.handle('q', async (message) => {
    await message.respond('answer').catch((error: { code: string }) => seen.push(error.code));
  });
  const correlationData = new Uint8Array([7]);
  broker.last.deliver('q', 0, { properties: { responseTopic: 'r', correlationData } });
  broker.last.deliver('q', 0);
  await turns();
  const [answer] = broker.last.of(PUBLISH);
  assert.deepEqual([answer.topic, answer.properties?.correlationData, seen], ['r', correlationData, ['INVALID']]);
  await client.close();
});
