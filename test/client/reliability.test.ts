import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, type MqttClient, type QoS } from '@wrenmq/client';
import { fileStore } from '@wrenmq/client/store/file';
import { FaultProxy, freePort, tempDirectory } from '@wrenmq/testkit';
import { ClientBroker, nextEvent, take, texts } from './client-broker.ts';

const quick = { minDelay: 10, maxDelay: 100 } as const;

/** A broker whose address stays when it is started again. */
async function launchAtFixedPort(): Promise<ClientBroker> {
  return ClientBroker.launch({ settings: { 'listeners.tcp.bind': `127.0.0.1:${await freePort()}` } });
}

test('a session goes on when the broker was killed and started again: nothing is subscribed to twice, nothing is lost', async () => {
  await using house = await launchAtFixedPort();
  const options = { session: { expiry: 1_000 }, reconnect: quick } as const;
  const subscriber = await house.connect({ ...options, clientId: 'subscriber' });
  const stream = await subscriber.subscribe('plant/#', { qos: 2 });
  const publisher = await house.connect({ ...options, clientId: 'publisher' });
  await publisher.publish('plant/a', 'before', { qos: 2 });
  await Promise.all([nextEvent(subscriber, 'offline'), nextEvent(publisher, 'offline'), house.broker.kill()]);
  const published = ([1, 2] as const).map((qos) => publisher.publish('plant/a', `while away ${qos}`, { qos }));
  const [online] = await Promise.all([nextEvent(subscriber, 'online'), house.broker.start()]);
  assert.equal((online as { sessionPresent: boolean }).sessionPresent, true);
  await Promise.all(published);
  await publisher.publish('plant/a', 'after', { qos: 2 });
  const seen = new Set(texts(await take(stream, 4)));
  assert.deepEqual(seen, new Set(['before', 'while away 1', 'while away 2', 'after']));
});

test('what is published while there is no broker leaves in order when there is one', async () => {
  await using house = await launchAtFixedPort();
  const { url } = house;
  const subscriber = await house.connect({ clientId: 'subscriber', session: { expiry: 1_000 } });
  await subscriber.subscribe('queue/#', { qos: 2 });
  await subscriber.close();
  await house.broker.kill('SIGTERM');
  const publisher = house.create({ clientId: 'publisher', reconnect: quick }, url);
  const expected = Array.from({ length: 300 }, (_, index) => `${index}`);
  const published = Promise.all(
    expected.map((text, index) => publisher.publish(`queue/${(index % 2) + 1}`, text, { qos: ((index % 2) + 1) as QoS })),
  );
  assert.equal(publisher.stats.queued, 300);
  await house.broker.start();
  await published;
  const again = house.create({ clientId: 'subscriber', session: { expiry: 1_000, resume: 'always' } }, url);
  const seen = texts(await take(await again.subscribe('queue/#', { qos: 2 }), 300));
  for (const remainder of [0, 1]) {
    const isOf = (text: string): boolean => Number(text) % 2 === remainder;
    assert.deepEqual(seen.filter(isOf), expected.filter(isOf));
  }
});

test('a file keeps what was enqueued until another process can send it', async () => {
  await using directory = await tempDirectory();
  await using house = await ClientBroker.launch();
  const witness = await house.connect();
  const stream = await witness.subscribe('kept', { qos: 2 });
  const session = { store: fileStore(directory.path) };
  const unreachable = createClient('mqtt://127.0.0.1:1', { clientId: 'gateway', session });
  for (const text of ['1', '2', '3']) await unreachable.enqueue('kept', text, { qos: 2 });
  await unreachable.close();
  const client = house.create({ clientId: 'gateway', session: { store: fileStore(directory.path) } });
  await client.drain();
  assert.deepEqual(texts(await take(stream, 3)), ['1', '2', '3']);
});

async function assertExactlyOnce(house: ClientBroker, protocol: '5' | '3.1.1'): Promise<void> {
  await using proxy = await FaultProxy.start(house.broker.target());
  const url = `mqtt://127.0.0.1:${proxy.target.port}`;
  const witness = await house.connect();
  const seen: string[] = [];
  await witness.handle('cut', (message) => void seen.push(message.text()), { qos: 2 });
  const publisher = house.create({ clientId: `cut-${protocol}`, protocol, session: { expiry: 1_000 }, reconnect: quick }, url);
  const expected = Array.from({ length: 1_000 }, (_, index) => `${index}`);
  const published: Promise<unknown>[] = [];
  for (const isCut of [true, true, true, true, false]) {
    const wave = expected.slice(published.length, published.length + 200).map((text) => publisher.publish('cut', text, { qos: 2 }));
    published.push(...wave);
    await wave[0];
    if (!isCut) continue;
    const offline = nextEvent(publisher, 'offline');
    proxy.cutAll();
    await offline;
  }
  await Promise.all(published);
  await witness.publish('cut', 'end', { qos: 2 });
  while (seen.at(-1) !== 'end') await new Promise(setImmediate);
  assert.deepEqual(seen.slice(0, -1), expected);
  assert.equal(publisher.stats.reconnects, 4);
}

for (const protocol of ['5', '3.1.1'] as const)
  test(`MQTT ${protocol}: messages of QoS 2 arrive exactly once and in order over a line that is cut`, async () => {
    await using house = await ClientBroker.launch();
    await assertExactlyOnce(house, protocol);
  });

/** Nothing may hang, whatever state the client is in. */
async function assertCloses(client: MqttClient): Promise<void> {
  const published = client.publish('a', 'x', { qos: 1 });
  const drained = client.drain();
  await client.close({ timeout: 2_000 });
  for (const each of [published, drained]) await assert.rejects(each, { code: 'CLOSED' });
}

test('close ends when the line is dead, when the broker is away, and before there was one', async () => {
  await using house = await ClientBroker.launch();
  await using proxy = await FaultProxy.start(house.broker.target());
  const url = `mqtt://127.0.0.1:${proxy.target.port}`;

  const stalled = house.create({}, url);
  await stalled.online();
  proxy.stall('toBroker', true);
  await assertCloses(stalled);
  proxy.stall('toBroker', false);

  const away = house.create({ reconnect: { minDelay: 60_000 } }, url);
  await away.online();
  const offline = nextEvent(away, 'offline');
  proxy.cutAll();
  await offline;
  await assertCloses(away);

  await assertCloses(house.create({ reconnect: { minDelay: 60_000 } }, 'mqtt://127.0.0.1:1'));
});

test('two clients of one name do not throw each other out for ever', async () => {
  await using house = await ClientBroker.launch();
  const first = await house.connect({ clientId: 'twin', reconnect: quick });
  const stopped = nextEvent(first, 'stopped');
  const second = await house.connect({ clientId: 'twin', reconnect: quick });
  const { error } = (await stopped) as { error: { reasonCode: number } };
  assert.equal(error.reasonCode, 0x8e);
  await second.publish('a', 'x', { qos: 1 });
});
