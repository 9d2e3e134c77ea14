import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import type { Message } from '#message/message.ts';
import type { SessionStore, StoreOp } from '#store/session-store.ts';
import { defineTopic } from '#topic/define-topic.ts';
import { text } from '#topic/payload-codecs.ts';
import type { Subscription } from './mqtt-client.ts';
import { ScriptedBroker, turns } from './test-broker.ts';

const { SUBSCRIBE, SUBACK, UNSUBSCRIBE, PUBLISH, PUBACK } = PacketType;

/** The subscription identifier of the n-th SUBSCRIBE, as an option of `deliver`. */
function by(broker: ScriptedBroker, ...subscribes: number[]) {
  const packets = broker.last.of(SUBSCRIBE);
  return { properties: { subscriptionIdentifiers: subscribes.map((index) => packets[index].properties!.subscriptionIdentifier!) } };
}

function next<M>(stream: Subscription<M>): Promise<IteratorResult<M, undefined>> {
  return stream[Symbol.asyncIterator]().next() as Promise<IteratorResult<M, undefined>>;
}

const acknowledged = (broker: ScriptedBroker): Array<[number, number]> =>
  broker.last.of(PUBACK).map(({ packetId, reasonCode }) => [packetId, reasonCode]);

test('a message is acknowledged when the next one is asked for, and when the loop is left', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const stream = await client.subscribe('a/{x}', { qos: 1 });
  for (const id of [1, 2, 3]) broker.last.deliver(`a/${id}`, id, by(broker, 0));
  const seen: string[] = [];
  for await (const message of stream) {
    seen.push(message.params.x);
    await turns();
    assert.equal(acknowledged(broker).length, seen.length - 1);
    if (seen.length === 2) break;
  }
  await turns();
  assert.deepEqual(seen, ['1', '2']);
  // What was received and is not wanted any more must not block what comes after it.
  assert.deepEqual(acknowledged(broker), [
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  assert.deepEqual(
    broker.last.of(UNSUBSCRIBE).map(({ filters }) => filters),
    [['a/+']],
  );
  await client.close();
});

test('filters that are subscribed to in one turn travel together', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  await client.online();
  await Promise.all(Array.from({ length: 100 }, (_, index) => client.subscribe(`a/${index}`)));
  assert.equal(broker.last.of(SUBSCRIBE).length, 2);
  await client.close();
});

test('a thousand filters are subscribed to again with sixteen packets', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  await client.online();
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => client.subscribe(`a/${index}`)));
  broker.last.cut();
  await turns();
  broker.clock.advance(1_000);
  await client.online();
  await turns();
  const packets = broker.last.of(SUBSCRIBE);
  assert.equal(packets.length, 16);
  assert.equal(packets.flatMap(({ filters }) => filters).length, 1_000);
  await client.close();
});

test('a subscription that the broker refuses is an error, and leaves the others alone', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== SUBSCRIBE) return false;
    connection.send({
      type: SUBACK,
      packetId: packet.packetId,
      reasonCodes: packet.filters.map(({ filter, qos }) => (filter.includes('forbidden') ? 0x87 : qos)),
    });
    return true;
  };
  const client = broker.client();
  const [good, bad, mixed] = await Promise.allSettled([
    client.subscribe('good', { qos: 1 }),
    client.handle('forbidden', () => undefined),
    client.subscribe(['good/2', 'forbidden/2']),
  ]);
  assert.equal(good.status, 'fulfilled');
  for (const each of [bad, mixed]) assert.equal((each as PromiseRejectedResult).reason.reasonCode, 0x87);
  await turns();
  assert.deepEqual(
    broker.last.of(UNSUBSCRIBE).flatMap(({ filters }) => filters),
    ['good/2'],
  );
  await client.close();
});

test('a message that two subscriptions are named for comes to each once, and is acknowledged when both are done', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const seen: string[] = [];
  let finish!: () => void;
  await client.handle('a/#', () => void seen.push('a/#'), { qos: 1 });
  await client.handle('a/+', () => new Promise<void>((resolve) => (finish = resolve)), { qos: 1 });
  await client.handle('a/b', () => void seen.push('a/b'), { qos: 1 });
  broker.last.deliver('a/b', 1, by(broker, 0, 1));
  await turns();
  assert.deepEqual([seen, acknowledged(broker)], [['a/#'], []]);
  finish();
  await turns();
  assert.deepEqual(acknowledged(broker), [[1, 0]]);
  broker.last.deliver('a/b', 2, by(broker, 2));
  await turns();
  assert.deepEqual(seen, ['a/#', 'a/b']);
  await client.close();
});

test('without identifiers every consumer that matches gets a message, once', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ protocol: '3.1.1' });
  const seen: string[] = [];
  await client.handle('a/#', () => void seen.push('a/#'));
  const both = await client.subscribe(['a/b', 'a/+']);
  broker.last.deliver('a/b', 0);
  broker.last.deliver('a/c/d', 0);
  await turns();
  assert.deepEqual(seen, ['a/#', 'a/#']);
  const first = await next(both);
  assert.equal(first.value?.topic, 'a/b');
  await client.close();
  assert.equal((await next(both)).done, true);
});

test('what nobody wants is acknowledged and dropped', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  await client.online();
  broker.last.deliver('a', 1);
  await turns();
  assert.deepEqual(acknowledged(broker), [[1, 0]]);
  assert.deepEqual([client.stats.received, client.stats.dropped], [1, 1]);
  await client.close();
});

test('the second consumer of a filter gets its retained messages, and gets them alone', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const seen: string[] = [];
  const listen = (name: string) => client.handle('a', () => void seen.push(name), { qos: 1 });
  const retained = { retain: true } as const;
  await listen('first');
  broker.last.deliver('a', 1, { ...retained, ...by(broker, 0) });
  await listen('second');
  assert.equal(broker.last.of(SUBSCRIBE)[1].filters[0].retainHandling, 0);
  broker.last.deliver('a', 2, { ...retained, ...by(broker, 0) });
  broker.last.deliver('a', 3, by(broker, 0));
  await turns();
  assert.deepEqual(seen, ['first', 'second', 'first', 'second']);
  await client.handle('a', () => undefined, { qos: 1, retainHandling: 2 });
  assert.equal(broker.last.of(SUBSCRIBE).length, 2, 'who wants no retained messages needs no SUBSCRIBE');
  await client.handle('a', () => undefined, { qos: 2, retainHandling: 2 });
  assert.deepEqual(
    broker.last.of(SUBSCRIBE)[2].filters.map(({ qos, retainHandling }) => [qos, retainHandling]),
    [[2, 1]],
  );
  await client.close();
});

test('UNSUBSCRIBE is sent when the last consumer of a filter has gone', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const first = await client.handle('a', () => undefined);
  const second = await client.handle('a', () => undefined);
  await first.remove();
  await turns();
  assert.equal(broker.last.of(UNSUBSCRIBE).length, 0);
  await second.remove();
  await second.remove();
  assert.equal(broker.last.of(UNSUBSCRIBE).length, 1);
  await client.close();
});

test('a signal takes a subscription away, before it is granted and after', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const abortion = new AbortController();
  const stream = await client.subscribe('a', { signal: abortion.signal });
  const waiting = next(stream);
  abortion.abort();
  assert.equal((await waiting).done, true);
  await stream.closed;
  await assert.rejects(client.subscribe('b', { signal: AbortSignal.abort() }), { code: 'ABORTED' });
  await turns();
  assert.deepEqual(
    broker.last.of(UNSUBSCRIBE).flatMap(({ filters }) => filters),
    ['a', 'b'],
  );
  await client.close();
});

test('acknowledgements leave in the order of arrival, whatever the order of ack and nack [MQTT-4.6.0-2]', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const messages: Message[] = [];
  await client.handle('a', (message) => void messages.push(message), { qos: 1, ack: 'manual' });
  for (const id of [1, 2, 3]) broker.last.deliver('a', id, by(broker, 0));
  await turns();
  messages[2].ack();
  messages[1].nack(0x83);
  messages[1].ack();
  await turns();
  assert.deepEqual(acknowledged(broker), []);
  messages[0].ack();
  await turns();
  assert.deepEqual(acknowledged(broker), [
    [1, 0],
    [2, 0x83],
    [3, 0],
  ]);
  await client.close();
});

test('a handler that is slower than the keep alive does not end the connection, as pings go on', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ keepAlive: 10 });
  let finish!: () => void;
  await client.handle('a', () => new Promise<void>((resolve) => (finish = resolve)), { qos: 1 });
  broker.last.deliver('a', 1, by(broker, 0));
  for (let second = 0; second < 60; second += 1) {
    await turns(3);
    broker.clock.advance(1_000);
  }
  await turns();
  assert.equal(client.state, 'online');
  assert.equal(broker.connections.length, 1);
  assert.ok(broker.last.of(PacketType.PINGREQ).length >= 5);
  assert.deepEqual(acknowledged(broker), []);
  finish();
  await turns();
  assert.deepEqual(acknowledged(broker), [[1, 0]]);
  await client.close();
});

test('what waits for a slow consumer when the connection is lost does not come twice', async () => {
  const broker = new ScriptedBroker();
  broker.sessionPresent = false;
  const client = broker.client({ session: { expiry: 100 } });
  const stream = await client.subscribe('a', { qos: 1 });
  for (const id of [1, 2, 3]) broker.last.deliver('a', id, by(broker, 0));
  broker.last.deliver('a', 0, by(broker, 0));
  await next(stream);
  const identifier = by(broker, 0);
  broker.sessionPresent = true;
  broker.last.cut();
  await turns();
  broker.clock.advance(1_000);
  await client.online();
  for (const id of [1, 2, 3]) broker.last.deliver('a', id, { dup: true, ...identifier });
  const seen: number[] = [];
  for (let count = 0; count < 4; count += 1) seen.push((await next(stream)).value!.packetId);
  assert.deepEqual(seen, [0, 1, 2, 3]);
  await client.close();
});

test('a slow consumer of QoS 0 pauses the socket until half of it has gone', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const slow: unknown[] = [];
  client.on('slowconsumer', (event) => slow.push(event));
  const stream = await client.subscribe('a', { buffer: 4 });
  for (let count = 0; count < 6; count += 1) broker.last.deliver('a', 0, by(broker, 0));
  assert.equal(broker.last.isPaused, true);
  assert.deepEqual(slow, [{ filter: 'a', pending: 4 }]);
  for (let count = 0; count < 3; count += 1) await next(stream);
  assert.equal(broker.last.isPaused, true);
  await next(stream);
  assert.equal(broker.last.isPaused, false);
  assert.equal(client.stats.dropped, 0);
  await client.close();
});

test('a handler that waits for the broker gets its answer, though it is itself the slow one', async () => {
  const broker = new ScriptedBroker();
  broker.script = ({ type }) => type === PUBLISH;
  const client = broker.client({ inbound: { maxBufferedBytes: 400 } });
  const handle = async (): Promise<void> => {
    await client.publish('b', 'x', { qos: 1 });
  };
  await client.handle('a', handle, { buffer: 2 });
  for (let count = 0; count < 4; count += 1) broker.last.deliver('a', 0, by(broker, 0));
  await turns();
  assert.equal(broker.last.isPaused, true);
  broker.clock.advance(1_000);
  await turns();
  assert.equal(broker.last.isPaused, false);
  // It reads on, but no more than maxBufferedBytes are kept.
  for (let count = 0; count < 9; count += 1) broker.last.deliver('a', 0, by(broker, 0));
  assert.ok(client.stats.dropped > 0);
  broker.last.send({ type: PUBACK, packetId: broker.last.of(PUBLISH)[0].packetId, reasonCode: 0 });
  await turns();
  assert.equal(broker.last.of(PUBLISH).length, 2);
  assert.equal(broker.last.isPaused, true);
  await client.close();
});

test('a full buffer may drop QoS 0, the oldest or the newest, but nothing else', async () => {
  for (const [whenFull, expected] of [
    ['drop-oldest', ['1', '3', '4']],
    ['drop-newest', ['0', '1', '2']],
  ] as const) {
    const broker = new ScriptedBroker();
    const client = broker.client();
    const stream = await client.subscribe('a', { qos: 1, buffer: 3, whenFull });
    const deliver = (value: string, id: number): void => broker.last.deliver('a', id, { payload: text.encode(value), ...by(broker, 0) });
    deliver('0', 0);
    deliver('1', 1);
    deliver('2', 0);
    deliver('3', 0);
    deliver('4', 0);
    const seen: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { value } = await next(stream);
      seen.push(value!.text());
    }
    assert.deepEqual(seen, expected);
    assert.equal(client.stats.dropped, 2);
    assert.equal(broker.last.isPaused, false);
    await client.close();
  }
});

test('typed messages are decoded, and what cannot be is an error that stops nothing', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const errors: unknown[] = [];
  client.on('error', ({ error }) => errors.push((error as { code: string }).code));
  const stream = await client.subscribe(defineTopic('a/{x}'), { qos: 1 });
  broker.last.deliver('a/1', 1, { payload: text.encode('{'), ...by(broker, 0) });
  broker.last.deliver('a/2', 2, { payload: text.encode('{"v":2}'), ...by(broker, 0) });
  const { value } = await next(stream);
  assert.deepEqual([value?.value, value?.params, errors], [{ v: 2 }, { x: '2' }, ['VALIDATION']]);
  await client.close();
});

/** A store in memory that says it is durable. */
function durableStore(ops: readonly StoreOp[] = []): SessionStore & { readonly kept: StoreOp[] } {
  const kept = [...ops];
  return {
    kept,
    isDurable: true,
    async open() {
      return {
        existed: ops.length > 0,
        ops: (async function* () {
          yield* ops;
        })(),
      };
    },
    async append(more) {
      kept.push(...more);
    },
    async close() {},
  };
}

test('after a restart messages wait for the consumer of their filter, unacknowledged', async () => {
  const store = durableStore([
    { op: 'session', state: 'new' },
    { op: 'sub.put', filter: 'jobs/#', options: 1, id: 7 },
  ]);
  const broker = new ScriptedBroker();
  broker.sessionPresent = true;
  const client = broker.client({ session: { store } });
  const slow: unknown[] = [];
  client.on('slowconsumer', (event) => slow.push(event));
  await client.online();
  assert.equal(broker.last.of(PacketType.CONNECT)[0].cleanStart, false);
  broker.last.deliver('jobs/1', 1, { properties: { subscriptionIdentifiers: [7] } });
  broker.last.deliver('jobs/2', 2, { properties: { subscriptionIdentifiers: [7] } });
  broker.last.deliver('other', 3);
  await turns();
  assert.deepEqual(acknowledged(broker), []);
  assert.deepEqual(slow, [{ filter: 'jobs/1', pending: 1 }]);
  const seen: string[] = [];
  await client.handle('jobs/{n}', () => void seen.push('wrong filter'), { qos: 1 });
  await client.handle('jobs/{n...}', (message) => void seen.push(message.params.n), { qos: 1 });
  await turns();
  assert.deepEqual(seen, ['1', '2']);
  assert.deepEqual(
    acknowledged(broker).map(([id]) => id),
    [1, 2, 3],
  );
  await client.close();
});

test('with resume always everything waits that an earlier life may have subscribed to', async () => {
  const broker = new ScriptedBroker();
  broker.sessionPresent = true;
  const client = broker.client({ session: { resume: 'always', expiry: 100 } });
  await client.online();
  broker.last.deliver('a/1', 1, { properties: { subscriptionIdentifiers: [99] } });
  const stream = await client.subscribe('a/#', { qos: 1 });
  const { value } = await next(stream);
  assert.equal(value?.topic, 'a/1');
  await client.close();
});

test('what was enqueued before the store was open is stored, in order', async () => {
  const store = durableStore();
  const broker = new ScriptedBroker();
  const client = broker.client({ session: { store } });
  const enqueued = await Promise.all(['a', 'b'].map((topic) => client.enqueue(topic, 'x', { qos: 1 })));
  assert.deepEqual(
    enqueued.map(({ seq }) => seq),
    [1n, 2n],
  );
  assert.equal(store.kept.filter(({ op }) => op === 'out.put').length, 2);
  await Promise.all(enqueued.map(({ acked }) => acked));
  await client.close();
});

test('a session that is stored needs a name that stays: its own, or that of the store', async () => {
  const nameless = { clientId: undefined! };
  assert.throws(() => new ScriptedBroker().client({ ...nameless, session: { store: durableStore() } }), { code: 'INVALID' });
  const opened: string[] = [];
  const withName = (): SessionStore => {
    const store = durableStore();
    const open: SessionStore['open'] = (clientId) => {
      opened.push(clientId);
      return store.open(clientId);
    };
    return { ...store, identify: async () => 'of-the-store', open };
  };
  for (const options of [nameless, { clientId: '' }, { clientId: 'own' }]) {
    const broker = new ScriptedBroker();
    const client = broker.client({ ...options, session: { store: withName() } });
    await client.online();
    opened.push(broker.last.of(PacketType.CONNECT)[0].clientId, client.clientId);
    await client.close();
  }
  assert.deepEqual(opened, [...Array<string>(6).fill('of-the-store'), ...Array<string>(3).fill('own')]);
});

test('a store that cannot say its name stops the client with its error', async () => {
  const store: SessionStore = { ...durableStore(), identify: () => Promise.reject(new Error('unreadable')) };
  const client = new ScriptedBroker().client({ clientId: undefined!, session: { store } });
  await assert.rejects(client.online(), { code: 'STORE', message: /unreadable/ });
});

test('a store that cannot be opened stops the client with its error', async () => {
  const broker = new ScriptedBroker();
  const store: SessionStore = { ...durableStore(), open: () => Promise.reject(new Error('locked')) };
  const client = broker.client({ session: { store } });
  const seen: string[] = [];
  client.on('stopped', ({ error }) => seen.push(error.message));
  await assert.rejects(client.publish('a', 'x', { qos: 1 }), { code: 'STORE' });
  await assert.rejects(client.online(), { code: 'STORE' });
  assert.deepEqual(seen, ['Error: locked']);
});

test('an iteration ends with an error when the client has stopped with one', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const stream = await client.subscribe('a');
  const waiting = next(stream);
  broker.last.send({ type: PacketType.DISCONNECT, reasonCode: 0x8e });
  await assert.rejects(waiting, { reasonCode: 0x8e });
  assert.equal((await next(stream)).done, true);
});
