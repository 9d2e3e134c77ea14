import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connect as connectClient } from '@wrenmq/client';
import { launchBroker, type LaunchedBroker, type LaunchBrokerOptions } from '@wrenmq/testkit';
import { needs, Subscriber } from '#root/test/interop/interop.ts';
import { NumberPublisher, NumberReader, problemsOf, until } from './history-oracle.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

// Readings that carry on live while publishers run as fast as they are acknowledged: nothing missing, nothing twice, in order.

const COUNT = 2500;
/** What 100 readers read at the same time. */
const OLD = 1500;
const patience = { timeout: 120_000 };

interface World {
  readonly broker: LaunchedBroker;
  readonly publishers: readonly NumberPublisher[];
  /** Settles when all have published. */
  readonly published: Promise<unknown>;
}

/** A broker and three publishers that are in full swing. */
async function start(t: TestContext, options: LaunchBrokerOptions = {}, payloadBytes = 0): Promise<World> {
  const broker = await launchBroker(options);
  t.after(() => broker.close());
  const publishers = [1, 1, 2].map((qos, index) => new NumberPublisher(`load/${index}`, qos as 1 | 2, payloadBytes));
  const published = Promise.all(publishers.map((publisher) => publisher.publish(broker.target(), COUNT)));
  await until(
    () => 'they have begun',
    () => publishers.every(({ next }) => next > COUNT / 10),
  );
  return { broker, publishers, published };
}

function checkAll(seen: ReadonlyMap<string, readonly number[]>, publishers: readonly NumberPublisher[]): void {
  const problems = publishers.flatMap((publisher) => problemsOf(seen.get(publisher.topic) ?? [], publisher, false));
  assert.deepEqual(problems, []);
}

for (const qos of [1, 2] as const) {
  for (const receiveMaximum of [10, 65_535]) {
    test(`at QoS ${qos} with ${receiveMaximum} messages under way`, patience, async (t) => {
      const { broker, publishers, published } = await start(t);
      const reader = new NumberReader('reader', '$history-live/-1h/load/#', qos, receiveMaximum);
      await reader.join(broker.target());
      const late = new NumberReader('late', '$history-live/offset:0/load/#', qos, receiveMaximum);
      await late.join(broker.target());
      await until(
        () => `${late.total} messages`,
        () => late.total > 500,
      );
      await published;
      for (const one of [reader, late])
        await until(
          () => `all have come: ${one.total}`,
          () => one.total >= 3 * COUNT,
        );
      // What is published now comes live, and last.
      for (const publisher of publishers) await publisher.publish(broker.target(), COUNT + 50);
      for (const one of [reader, late])
        await until(
          () => `the last have come: ${one.total}`,
          () => one.total >= 3 * (COUNT + 50),
        );
      for (const one of [reader, late]) checkAll(one.seen, publishers);
      for (const one of [reader, late]) await one.leave();
    });
  }
}

test('a reader that goes away in the middle goes on where it was', patience, async (t) => {
  const { broker, publishers, published } = await start(t);
  for (const qos of [1, 2] as const) {
    const reader = new NumberReader(`reader ${qos}`, '$history-live/-1h/load/#', qos, 5);
    for (let life = 0; life < 6; life += 1) {
      const before = reader.total;
      await reader.join(broker.target());
      await until(
        () => `${reader.total} messages`,
        () => reader.total > before + 100,
      );
      await reader.leave();
    }
    await published;
    await reader.join(broker.target());
    const isComplete = (): boolean => publishers.every(({ topic }) => new Set(reader.seen.get(topic)).size === COUNT);
    await until(() => `all have come: ${reader.total}`, isComplete);
    const problems = publishers.flatMap((publisher) => problemsOf(reader.seen.get(publisher.topic)!, publisher, qos === 1));
    assert.deepEqual(problems, []);
    await reader.leave();
  }
});

test('while retention removes the oldest, what comes is in order and once, and the end is whole', patience, async (t) => {
  const { broker, publishers, published } = await start(t, { settings: { 'history.bytesMax': '8MiB' } }, 2000);
  const reader = new NumberReader('slow', '$history-live/offset:0/load/#', 1, 4);
  await reader.join(broker.target());
  reader.pauseMs = 5;
  await published;
  reader.pauseMs = 0;
  const hasLast = (): boolean => publishers.every(({ topic }) => reader.seen.get(topic)?.at(-1) === COUNT - 1);
  await until(() => `the last has come: ${reader.total}`, hasLast);
  await reader.leave();
  assert.ok(reader.total < 3 * COUNT, 'something was removed before it was read');
  for (const { topic } of publishers) {
    const seen = reader.seen.get(topic)!;
    for (let index = 1; index < seen.length; index += 1) assert.ok(seen[index] > seen[index - 1], `${topic} ${seen[index]}`);
    assert.deepEqual(
      seen.slice(-100),
      Array.from({ length: 100 }, (_, index) => COUNT - 100 + index),
    );
  }
});

const mosquitto = needs('/usr/bin/mosquitto_sub', 'mosquitto-clients');

test('mosquitto_sub, by MQTT 3.1.1 and 5', { ...mosquitto, ...patience }, async (t) => {
  const { broker, publishers, published } = await start(t);
  const args = ['-h', '127.0.0.1', '-p', `${broker.target().port}`, '-q', '1', '-t', '$history-live/-1h/load/+'];
  const subscribers = await Promise.all([
    Subscriber.start(t, [...args, '-V', '311'], '%t %p'),
    Subscriber.start(t, [...args, '-V', '5'], '%t %p'),
  ]);
  await published;
  for (const subscriber of subscribers) {
    const seen = new Map<string, number[]>(publishers.map(({ topic }) => [topic, []]));
    for (let left = 3 * COUNT; left > 0; left -= 1) {
      const [topic, number] = (await subscriber.next()).split(' ');
      seen.get(topic)!.push(Number(number));
    }
    checkAll(seen, publishers);
    assert.deepEqual(subscriber.pending, []);
  }
});

test('paho, and our own client', { ...needs(pahoFile, 'python3-paho-mqtt'), ...patience }, async (t) => {
  const { broker, publishers, published } = await start(t);
  const { port } = broker.target();
  await using client = await connectClient(`mqtt://127.0.0.1:${port}`);
  const own = new Map<string, number[]>(publishers.map(({ topic }) => [topic, []]));
  const paho = await PahoClient.start(t, { port, version: 4, clientId: 'paho', filters: ['$history-live/-1h/load/+'] });
  let left = 3 * COUNT;
  for await (const message of await client.subscribe('$history-live/-1h/load/+', { qos: 1 })) {
    own.get(message.topic)!.push(Number(message.text()));
    left -= 1;
    if (left === 0) break;
  }
  await published;
  checkAll(own, publishers);
  const seen = new Map<string, number[]>(publishers.map(({ topic }) => [topic, []]));
  for (left = 3 * COUNT; left > 0;) {
    const event = await paho.next();
    if (event.event !== 'message') continue;
    seen.get(event.topic)!.push(Number(event.payload));
    left -= 1;
  }
  checkAll(seen, publishers);
});

test('100 readings at once keep to their bounds, and a pair beside them gets every message', patience, async (t) => {
  const broker = await launchBroker();
  t.after(() => broker.close());
  const old = new NumberPublisher('old/1', 1, 500);
  await old.publish(broker.target(), OLD);
  const memoryBefore = await memoryOf(broker);
  const readers = Array.from({ length: 100 }, (_, index) => new NumberReader(`reader ${index}`, '$history/-1h/old/#', 1, 10));
  // Half of them acknowledge nothing.
  for (const [index, reader] of readers.entries()) reader.isStuck = index % 2 === 0;
  await Promise.all(readers.map((reader) => reader.join(broker.target())));
  const pair = new NumberReader('pair', 'pair/#', 1);
  await pair.join(broker.target());
  const live = new NumberPublisher('pair/1', 1);
  await live.publish(broker.target(), 2000);
  await until(
    () => `the pair has ${pair.total}`,
    () => pair.total === 2000,
  );
  assert.deepEqual(problemsOf(pair.seen.get('pair/1')!, live, false), []);
  const stuck = readers.filter((_, index) => index % 2 === 0);
  for (const { total } of stuck) assert.ok(total <= 10);
  const quick = readers.filter((_, index) => index % 2 === 1);
  await until(
    () => 'the others have read everything',
    () => quick.every(({ seen }) => seen.get('old/1')?.length === OLD),
  );
  for (const { seen } of quick) assert.deepEqual(problemsOf(seen.get('old/1')!, old, false), []);
  const grown = (await memoryOf(broker)) - memoryBefore;
  assert.ok(grown < 256 * 1024 * 1024, `100 readings took ${Math.round(grown / 1024 / 1024)} MiB`);
  for (const reader of [...readers, pair]) await reader.leave();
});

/** Resident memory of the broker's process, bytes. */
async function memoryOf(broker: LaunchedBroker): Promise<number> {
  const { address, port } = broker.admin!;
  const text = await (await fetch(`http://${address}:${port}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)![1]);
}
