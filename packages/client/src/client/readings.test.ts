import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import { defineTopic } from '#topic/define-topic.ts';
import { text } from '#topic/payload-codecs.ts';
import type { Subscription } from './mqtt-client.ts';
import { ScriptedBroker, turns } from './test-broker.ts';

const { SUBSCRIBE, UNSUBSCRIBE, PUBACK } = PacketType;

function next<M>(stream: Subscription<M>): Promise<IteratorResult<M, undefined>> {
  return stream[Symbol.asyncIterator]().next() as Promise<IteratorResult<M, undefined>>;
}

/** The end of a reading, as the broker sends it. */
function end(filter: string) {
  return { payload: new TextEncoder().encode(JSON.stringify({ filter, messages: 2, next: 9 })) };
}

test('messages of a reading have their own topics, names in the filter are found, and the end mark ends the iteration', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const stream = await client.subscribe('$history/-1h/sensor/{room}/t', { qos: 1 });
  const other = await client.subscribe('sensor/#', { qos: 1 });
  const [reading, live] = broker.last.of(SUBSCRIBE).map(({ properties }) => properties!.subscriptionIdentifier!);
  assert.notEqual(reading, live);
  const byReading = { properties: { subscriptionIdentifiers: [reading] } };
  broker.last.deliver('sensor/kitchen/t', 1, byReading);
  broker.last.deliver('sensor/hall/t', 2, byReading);
  broker.last.deliver('$history/end', 3, { ...byReading, ...end('$history/-1h/sensor/+/t') });
  broker.last.deliver('sensor/live/t', 4, { properties: { subscriptionIdentifiers: [live] } });
  const rooms: string[] = [];
  for await (const message of stream) rooms.push(message.params.room);
  assert.deepEqual(rooms, ['kitchen', 'hall']);
  assert.equal((await next(other)).value?.topic, 'sensor/live/t');
  await turns();
  assert.deepEqual(
    broker.last.of(PUBACK).map(({ packetId }) => packetId),
    [1, 2, 3],
  );
  await client.close();
});

test('without identifiers, a client of MQTT 3, too', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ protocol: '3.1.1' });
  const stream = await client.subscribe('$history/last:2/a/+', { qos: 1 });
  broker.last.deliver('a/1', 1);
  broker.last.deliver('$history/end', 2, end('$history/last:2/a/+'));
  const topics: string[] = [];
  for await (const message of stream) topics.push(message.topic);
  assert.deepEqual(topics, ['a/1']);
  await client.close();
});

test('a live reading goes on, and where several are read together their end marks are messages', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ protocol: '3.1.1' });
  const live = await client.subscribe('$history-live/-1h/a', { qos: 1 });
  const both = await client.subscribe(['$history/-1h/b', '$history/-1h/c'], { qos: 1 });
  broker.last.deliver('a', 1);
  assert.equal((await next(live)).value?.topic, 'a');
  broker.last.deliver('$history/end', 2, end('$history/-1h/b'));
  broker.last.deliver('c', 3);
  broker.last.deliver('$history/end', 4, end('$history/-1h/c'));
  const topics: string[] = [];
  for await (const message of both) if (topics.push(message.topic) === 3) break;
  assert.deepEqual(topics, ['$history/end', 'c', '$history/end']);
  broker.last.deliver('a', 5);
  assert.equal((await next(live)).value?.topic, 'a');
  await client.close();
});

test('a handler gets the end mark, a typed one does not, and neither holds the filter any longer', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const seen: string[] = [];
  await client.handle('$history/-1h/a', (message) => void seen.push(message.topic), { qos: 1 });
  const typed = defineTopic('$history/-1h/b', { codec: text });
  await client.handle(typed, (message) => void seen.push(`${message.topic} ${message.qos}`), { qos: 1 });
  broker.last.deliver('a', 1);
  broker.last.deliver('b', 2);
  broker.last.deliver('$history/end', 3, end('$history/-1h/a'));
  broker.last.deliver('$history/end', 4, end('$history/-1h/b'));
  await turns();
  assert.deepEqual(seen, ['a', 'b 1', '$history/end']);
  assert.deepEqual(
    broker.last.of(UNSUBSCRIBE).flatMap(({ filters }) => filters),
    ['$history/-1h/a', '$history/-1h/b'],
  );
  await client.close();
});

test('an end mark that tells nothing is dropped', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const stream = await client.subscribe('$history/-1h/a', { qos: 1 });
  broker.last.deliver('$history/end', 1, { payload: new Uint8Array([0x7b]) });
  broker.last.deliver('$history/end', 2, end('$history/-1h/other'));
  broker.last.deliver('a', 3);
  assert.equal((await next(stream)).value?.topic, 'a');
  await client.close();
});

test('a reading that the connection takes with it is an error, whether or not the session is back', async () => {
  for (const sessionPresent of [true, false]) {
    const broker = new ScriptedBroker();
    const client = broker.client({ session: { expiry: 60 } });
    const stream = await client.subscribe('$history/-1h/a', { qos: 1 });
    const live = await client.subscribe('$history-live/-1h/b', { qos: 1 });
    const ended = next(stream).then(
      () => null,
      (error: unknown) => error,
    );
    broker.sessionPresent = sessionPresent;
    broker.last.cut();
    await turns();
    broker.clock.advance(60_000);
    await turns();
    assert.equal(broker.connections.length, 2);
    const error = await ended;
    assert.ok(error instanceof MqttError && error.code === 'DISCONNECTED' && error.retryable);
    await turns();
    broker.last.deliver('b', 1);
    assert.equal((await next(live)).value?.topic, 'b');
    await client.close();
  }
});
