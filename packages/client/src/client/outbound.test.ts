import assert from 'node:assert/strict';
import { subscribe as listen, unsubscribe as ignore } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import { json } from '#topic/payload-codecs.ts';
import { defineTopic } from '#topic/define-topic.ts';
import { ScriptedBroker, turns } from './test-broker.ts';

const { PUBLISH, PUBACK, PUBREC } = PacketType;

/** Never acknowledges. */
function deaf(): ScriptedBroker {
  const broker = new ScriptedBroker();
  broker.script = ({ type }) => type === PUBLISH;
  return broker;
}

/** 'open' or how it ended. */
function watch(promise: Promise<unknown>): { outcome: string } {
  const seen = { outcome: 'open' };
  promise.then(
    () => (seen.outcome = 'done'),
    (error: { code: string }) => (seen.outcome = error.code),
  );
  return seen;
}

test('every QoS ends with its acknowledgement', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  for (const qos of [0, 1, 2] as const)
    assert.deepEqual(await client.publish('a', new ArrayBuffer(3), { qos }), { reasonCode: 0, noSubscribers: false });
  assert.equal(client.stats.sent, 3);
  await turns();
  assert.deepEqual(
    broker.last.of(PUBLISH).map(({ qos, payload }) => [qos, payload.length]),
    [
      [0, 3],
      [1, 3],
      [2, 3],
    ],
  );
  await client.close();
});

test('what the broker thinks of a message is the result, and a refusal is an error', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== PUBLISH) return false;
    const reasonCode = packet.topic === 'nobody' ? 0x10 : 0x87;
    connection.send({ type: packet.qos === 1 ? PUBACK : PUBREC, packetId: packet.packetId, reasonCode });
    return packet.qos === 1 || reasonCode > 0x80;
  };
  const client = broker.client();
  assert.deepEqual(await client.publish('nobody', 'x', { qos: 1 }), { reasonCode: 0x10, noSubscribers: true });
  await assert.rejects(client.publish('forbidden', 'x', { qos: 1 }), { code: 'REFUSED', reasonCode: 0x87 });
  await assert.rejects(client.publish('forbidden', 'x', { qos: 2 }), { code: 'REFUSED', reasonCode: 0x87 });
  await client.close();
});

test('the options of a message travel as its properties', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const correlationData = new Uint8Array([1]);
  await client.publish('a', 'ä', {
    contentType: 'x',
    responseTopic: 'r',
    correlationData,
    userProperties: [['k', 'v']],
    expiry: 9,
    retain: true,
  });
  await client.publish('a', 'ä');
  await client.publish('a', new Uint8Array(1));
  await client.publish(defineTopic('t/{x}', { qos: 1, retain: true })({ x: 'y' }), { v: 1 });
  await turns();
  const seen = broker.last
    .of(PUBLISH)
    .map(({ topic, qos, retain, properties, payload }) => [topic, qos, retain, properties, payload.length]);
  assert.deepEqual(seen, [
    [
      'a',
      0,
      true,
      {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 9,
        contentType: 'x',
        responseTopic: 'r',
        correlationData,
        userProperties: [['k', 'v']],
      },
      2,
    ],
    ['a', 0, false, { payloadFormatIndicator: 1 }, 2],
    ['a', 0, false, undefined, 1],
    ['t/y', 1, true, { payloadFormatIndicator: 1, contentType: json.contentType }, 7],
  ]);
  await client.close();
});

test('a topic that nobody can publish to is refused without surprise', async () => {
  const client = new ScriptedBroker().client();
  await assert.rejects(client.publish('a/+', 'x'), { code: 'INVALID' });
  await assert.rejects(client.publish('', 'x', { qos: 1 }), { code: 'INVALID' });
  await assert.rejects(client.enqueue('#', 'x'), { code: 'INVALID' });
  await client.close();
});

test('rejections that nobody waits for are not unhandled', async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const broker = deaf();
  const client = broker.client({ outbound: { maxQueued: 1, whenFull: 'reject', maxInflight: 1 } });
  void client.publish('+', 'x');
  void client.enqueue('+', 'x');
  void client.subscribe('a#');
  void client.handle('a#', () => undefined);
  void client.request('a', 'x', { timeout: 1 });
  void client.online();
  void client.drain();
  for (let count = 0; count < 4; count += 1) void client.publish('a', 'x', { qos: 1 });
  void client.publish(defineTopic('a')({}), 1n);
  void client.enqueue('a', 'x', { qos: 1 });
  await turns();
  void client.subscribe('b');
  await client.close();
  void client.publish('a', 'x');
  void client.online();
  void client.subscribe('a');
  await turns();
  assert.deepEqual(unhandled, []);
});

test('offline, messages wait, or do not, as the policy says', async () => {
  const outcomes = async (offline: 'queue' | 'queue-durable' | 'reject'): Promise<string[]> => {
    const broker = new ScriptedBroker();
    broker.isSilent = true;
    const client = broker.client({ outbound: { offline } });
    const seen = ([0, 1] as const).map((qos) => watch(client.publish('a', 'x', { qos })));
    await turns();
    const outcome = seen.map((each) => each.outcome);
    await client.close();
    assert.ok(seen.every((each) => each.outcome === 'CLOSED' || each.outcome === 'OFFLINE'));
    return outcome;
  };
  assert.deepEqual(await outcomes('queue'), ['open', 'open']);
  assert.deepEqual(await outcomes('queue-durable'), ['OFFLINE', 'open']);
  assert.deepEqual(await outcomes('reject'), ['OFFLINE', 'OFFLINE']);
});

test('messages that were published offline leave in the order of their QoS', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const all = [0, 1, 2, 0, 1].map((qos, index) => client.publish(`a/${index}`, 'x', { qos: qos as 0 | 1 | 2 }));
  await Promise.all(all);
  assert.deepEqual(
    ([0, 1, 2] as const).map((qos) => broker.last.of(PUBLISH).flatMap((packet) => (packet.qos === qos ? [packet.topic] : []))),
    [['a/0', 'a/3'], ['a/1', 'a/4'], ['a/2']],
  );
  await client.close();
});

test('a full queue refuses, or lets publishers wait in their order', async () => {
  for (const whenFull of ['reject', 'wait'] as const) {
    const broker = deaf();
    const client = broker.client({ outbound: { maxInflight: 1, maxQueued: 2, whenFull } });
    await client.online();
    const seen = ['a', 'b', 'c', 'd', 'e'].map((topic) => watch(client.publish(topic, 'x', { qos: 1 })));
    await turns();
    assert.equal(client.stats.queued, 2);
    const expected =
      whenFull === 'reject' ? ['open', 'open', 'open', 'QUEUE_FULL', 'QUEUE_FULL'] : ['open', 'open', 'open', 'open', 'open'];
    assert.deepEqual(
      seen.map(({ outcome }) => outcome),
      expected,
    );
    broker.script = () => false;
    broker.last.send({ type: PUBACK, packetId: broker.last.of(PUBLISH)[0].packetId, reasonCode: 0 });
    await turns(60);
    assert.deepEqual(
      broker.last.of(PUBLISH).map(({ topic }) => topic),
      whenFull === 'reject' ? ['a', 'b', 'c'] : ['a', 'b', 'c', 'd', 'e'],
    );
    await client.close();
  }
});

test('the queue is bounded in bytes, but one message that is larger goes alone', async () => {
  const broker = deaf();
  const client = broker.client({ outbound: { maxInflight: 1, maxQueuedBytes: 1_000, whenFull: 'reject' } });
  await client.online();
  const seen = [2_000, 900, 200].map((size) => watch(client.publish('a', new Uint8Array(size), { qos: 1 })));
  await turns();
  const more = watch(client.publish('a', new Uint8Array(900), { qos: 1 }));
  await turns();
  assert.deepEqual(
    [...seen, more].map(({ outcome }) => outcome),
    ['open', 'QUEUE_FULL', 'QUEUE_FULL', 'open'],
  );
  await client.close();
});

test('whoever waits for room can be called off, and so can what is queued; what is sent only loses its listener', async () => {
  const broker = deaf();
  const client = broker.client({ outbound: { maxInflight: 1, maxQueued: 1 } });
  await client.online();
  const abortions = [1, 2, 3].map(() => new AbortController());
  const seen = abortions.map(({ signal }, index) => watch(client.publish(`${index}`, 'x', { qos: 1, signal })));
  const last = watch(client.publish('last', 'x', { qos: 1, timeout: 5_000 }));
  await turns();
  for (const abortion of abortions.toReversed()) abortion.abort();
  await turns();
  assert.deepEqual(
    seen.map(({ outcome }) => outcome),
    ['ABORTED', 'ABORTED', 'ABORTED'],
  );
  assert.deepEqual([client.stats.inflight, client.stats.queued], [1, 1]);
  broker.clock.advance(5_000);
  await turns();
  assert.equal(last.outcome, 'TIMEOUT');
  assert.deepEqual([client.stats.inflight, client.stats.queued], [1, 0]);
  assert.deepEqual(
    broker.last.of(PUBLISH).map(({ topic }) => topic),
    ['0'],
  );
  await client.close();
});

test('a message whose signal is aborted already is not sent', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ outbound: { maxInflight: 1 } });
  await client.online();
  const seen = watch(client.publish('a', 'x', { qos: 1, signal: AbortSignal.abort() }));
  await turns();
  assert.equal(seen.outcome, 'ABORTED');
  assert.equal(broker.last.of(PUBLISH).length, 0);
  await client.close();
});

test('QoS 0 waits while the transport is full, and is bounded like the rest', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ outbound: { maxQueuedBytes: 1_000, whenFull: 'reject' } });
  await client.online();
  broker.last.takesMore = false;
  const payload = new Uint8Array(400);
  const first = watch(client.publish('a', payload));
  await turns();
  const second = watch(client.publish('a', payload));
  const third = watch(client.publish('a', payload));
  const impatient = watch(client.publish('a', new Uint8Array(9), { timeout: 1_000 }));
  await turns();
  broker.clock.advance(1_000);
  await turns();
  assert.deepEqual([first.outcome, second.outcome, third.outcome, impatient.outcome], ['done', 'open', 'QUEUE_FULL', 'TIMEOUT']);
  broker.last.drain();
  await turns();
  assert.equal(second.outcome, 'done');
  await client.close();
});

test('QoS 0 that a full transport has taken is lost with it, and says so', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  await client.online();
  broker.last.takesMore = false;
  void client.publish('a', 'x');
  await turns();
  const seen = watch(client.publish('a', 'x'));
  broker.last.cut();
  await turns();
  assert.equal(seen.outcome, 'DISCONNECTED');
  await client.close();
});

test('a publisher that never looks up lets others have their turn', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  await client.online();
  let hasOthersTurn = false;
  setImmediate(() => (hasOthersTurn = true));
  const payload = new Uint8Array(1_024);
  let count = 0;
  while (!hasOthersTurn && count < 100_000) {
    await client.publish('a', payload);
    count += 1;
  }
  assert.ok(count < 1_000, `${count} messages`);
  await client.close();
});

test('drain waits until everything is acknowledged', async () => {
  const broker = deaf();
  const client = broker.client();
  const published = client.publish('a', 'x', { qos: 1 });
  const drained = watch(client.drain());
  const called = watch(client.drain({ signal: AbortSignal.abort() }));
  await turns();
  assert.deepEqual([drained.outcome, called.outcome], ['open', 'ABORTED']);
  broker.last.send({ type: PUBACK, packetId: broker.last.of(PUBLISH)[0].packetId, reasonCode: 0 });
  await published;
  await turns();
  assert.equal(drained.outcome, 'done');
  await client.drain();
  await client.close();
});

test('enqueue resolves when the message is stored, and tells of its end apart', async () => {
  const broker = deaf();
  const client = broker.client();
  const { seq, acked } = await client.enqueue('a', 'x', { qos: 1 });
  assert.equal(seq, 1n);
  const seen = watch(acked);
  await turns();
  assert.equal(seen.outcome, 'open');
  await client.close();
  await turns();
  assert.equal(seen.outcome, 'CLOSED');
});

test('whoever wants to see messages without being the client sees them', async (t) => {
  const seen: unknown[] = [];
  const note = (message: unknown): void => {
    const { topic, state } = message as { topic?: string; state?: string };
    seen.push(topic ?? state);
  };
  for (const name of ['publish', 'message', 'connection']) {
    listen(`wrenmq:client:${name}`, note);
    t.after(() => ignore(`wrenmq:client:${name}`, note));
  }
  const broker = new ScriptedBroker();
  const client = broker.client();
  await client.online();
  await client.publish('out', 'x');
  broker.last.deliver('in', 0);
  await client.close();
  assert.deepEqual(seen, ['connecting', 'online', 'out', 'in', 'closed']);
});
