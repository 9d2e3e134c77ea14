import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { createClient, type ConnectOptions, type MqttClient } from '@wrenmq/client';
import { event, eventChannel } from '@wrenmq/client/events';
import { FaultProxy, launchBroker, type LaunchedBroker } from '@wrenmq/testkit';

let broker!: LaunchedBroker;
before(async () => {
  broker = await launchBroker();
});
after(() => broker.close());

function start(t: TestContext, port = broker.target().port, options: ConnectOptions = {}): MqttClient {
  const client = createClient(`mqtt://127.0.0.1:${port}`, options);
  t.after(() => client.close());
  return client;
}

/** The next so many of what a function is called with. */
function collect<T>(count: number): { readonly all: Promise<T[]>; add(item: T): void } {
  const { promise, resolve } = Promise.withResolvers<T[]>();
  const items: T[] = [];
  return { all: promise, add: (item) => void (items.push(item) === count && resolve(items)) };
}

for (const protocol of ['5', '3.1.1'] as const) {
  test(`events are told to all who want them, with wildcards, over MQTT ${protocol}`, async (t) => {
    const [one, two] = [eventChannel(start(t, undefined, { protocol })), eventChannel(start(t, undefined, { protocol }))];
    const heard = collect<unknown>(3);
    // Before there is a connection.
    const subscribed = [
      one.subscribe('sensors/+/temperature', (topic, message) => heard.add([topic, message])),
      two.subscribe('sensors/#', (topic, { event_type }: { event_type: string }) => heard.add([topic, event_type])),
      two.subscribe('sensors/#', (topic) => heard.add([topic])),
    ];
    await Promise.all(subscribed.map(({ granted }) => granted));
    const message = event('temperature.changed', { value: 25.5 }, { source: 'sensor_001' });
    await one.publish('sensors/room1/temperature', message, { qos: 1 });
    const all = (await heard.all) as unknown[][];
    assert.deepEqual(
      all.toSorted((a, b) => JSON.stringify(a).length - JSON.stringify(b).length),
      [['sensors/room1/temperature'], ['sensors/room1/temperature', 'temperature.changed'], ['sensors/room1/temperature', message]],
    );
  });
}

test('subscriptions follow a reconnection', async (t) => {
  const proxy = await FaultProxy.start(broker.target());
  t.after(() => proxy.close());
  const client = start(t, proxy.target.port, { reconnect: { minDelay: 1, maxDelay: 10 } });
  const events = eventChannel(client);
  const heard = collect<unknown>(1);
  await events.subscribe('again', (_topic, message) => heard.add(message)).granted;
  const offline = new Promise<void>((resolve) => client.on('offline', () => resolve(), { once: true }));
  proxy.cutAll();
  await offline;
  await client.online();
  await client.drain();
  await eventChannel(start(t)).publish('again', { n: 1 }, { qos: 1 });
  assert.deepEqual(await heard.all, [{ n: 1 }]);
});

test('an event that nobody can read, and a function that throws, are errors of the client', async (t) => {
  const client = start(t);
  const errors = collect<string>(2);
  client.on('error', ({ error }) => errors.add((error as Error).message));
  await eventChannel(client).subscribe('odd', (_topic, message) => {
    throw new Error(String(message));
  }).granted;
  await client.publish('odd', 'no json');
  await client.publish('odd', '7');
  assert.deepEqual(await errors.all, ['the event on odd is no application/json', '7']);
});
