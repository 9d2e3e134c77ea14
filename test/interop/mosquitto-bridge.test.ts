import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import {
  connectBytes,
  FaultProxy,
  hasMosquitto,
  launchBroker,
  launchMosquitto,
  tempDirectory,
  WireClient,
  type ForeignBroker,
  type LaunchedBroker,
  type WireTarget,
} from '@wrenmq/testkit';

// mosquitto as a bridge to WrenMQ. Before MQTT 5 it says that it is one by the highest bit of its protocol version.

const directory = await tempDirectory();
after(() => directory.remove());
const options = { timeout: 60_000, skip: hasMosquitto ? false : 'needs the Debian package mosquitto' };
const versions = ['mqttv31', 'mqttv311', 'mqttv50'] as const;

async function connect(t: TestContext, target: WireTarget, clientId: string): Promise<WireClient> {
  const client = await WireClient.open(target, 5);
  t.after(() => client.transport.destroy());
  await client.connect({ clientId });
  return client;
}

/** A mosquitto that bridges every topic both ways. */
async function startBridge(t: TestContext, port: number, more: readonly string[]): Promise<ForeignBroker> {
  const address = `127.0.0.1:${port}`;
  const mosquitto = await launchMosquitto({
    configuration: ['connection wren', `address ${address}`, 'topic # both 1', 'restart_timeout 1', ...more],
  });
  t.after(() => mosquitto.close());
  return mosquitto;
}

/** A client at each of the two brokers, with a subscription to everything, when the bridge stands. */
async function startPair(
  t: TestContext,
  broker: LaunchedBroker,
  more: readonly string[],
  { port }: { readonly port: number } = broker.target(),
): Promise<{ near: WireClient; far: WireClient; mosquitto: ForeignBroker }> {
  const near = await connect(t, broker.target(), 'near');
  // The bridge gets what is retained when it subscribes.
  await near.publish({ topic: 'ready', payload: 'now', qos: 1, retain: true });
  const mosquitto = await startBridge(t, port, more);
  const far = await connect(t, mosquitto.target, 'far');
  await far.subscribe({ filter: '#', qos: 1 });
  assert.equal((await far.receive()).topic, 'ready');
  await near.publish({ topic: 'ready', payload: '', qos: 1, retain: true });
  assert.equal((await far.receive()).topic, 'ready');
  await near.subscribe({ filter: '#', qos: 1 });
  return { near, far, mosquitto };
}

async function receives(client: WireClient, topic: string): Promise<void> {
  assert.equal((await client.receive()).topic, topic);
}

for (const version of versions) {
  const bridge = [`bridge_protocol_version ${version}`];

  test(`mosquitto bridges both ways, each message once (${version})`, options, async (t) => {
    await using broker = await launchBroker();
    const { near, far } = await startPair(t, broker, bridge);
    for (let i = 0; i < 3; i += 1) {
      await far.publish({ topic: `from-far/${i}`, payload: 'x', qos: 1 });
      await receives(far, `from-far/${i}`);
      await receives(near, `from-far/${i}`);
      // On the way of this one comes whatever the bridge was given of its own message.
      await near.publish({ topic: `from-near/${i}`, payload: 'x', qos: 1 });
      await receives(near, `from-near/${i}`);
      await receives(far, `from-near/${i}`);
    }
    await far.publish({ topic: 'end', payload: 'x', qos: 1 });
    await receives(near, 'end');
  });

  // MQTT 3.1 differs in the CONNECT only.
  if (version === 'mqttv31') continue;

  test(`what is retained at one side of the bridge is retained at the other (${version})`, options, async (t) => {
    await using broker = await launchBroker();
    const { near, far, mosquitto } = await startPair(t, broker, bridge);
    await near.publish({ topic: 'kept/near', payload: 'x', qos: 1, retain: true });
    await far.publish({ topic: 'kept/far', payload: 'x', qos: 1, retain: true });
    // Two messages each: the own one and that of the other side.
    for (const client of [near, near, far, far]) await client.receive();
    for (const target of [broker.target(), mosquitto.target]) {
      const late = await connect(t, target, 'late');
      await late.subscribe({ filter: 'kept/#', qos: 1 });
      const found = [await late.receive(), await late.receive()];
      assert.deepEqual(found.map(({ topic, retain }) => `${topic} ${retain}`).toSorted(), ['kept/far true', 'kept/near true']);
    }
  });
}

// Over MQTT 5 mosquitto 2.0 asks for a session that ends with its connection.
test('the bridge is given what came while its connection was lost', options, async (t) => {
  await using broker = await launchBroker();
  await using proxy = await FaultProxy.start(broker.target());
  const { near, far } = await startPair(t, broker, ['bridge_protocol_version mqttv311'], proxy.target);
  proxy.stall('toBroker', true);
  proxy.cutAll();
  const payloads = Array.from({ length: 20 }, (_, i) => `${i}`);
  for (const payload of payloads) await near.publish({ topic: 'missed', payload, qos: 1 });
  proxy.stall('toBroker', false);
  const missed: string[] = [];
  while (missed.length < payloads.length) {
    const { topic, payload } = await far.receive();
    // What was not acknowledged when the connection was cut may come again at QoS 1.
    if (topic === 'missed') missed.push(payload.toString());
  }
  assert.deepEqual(missed, payloads);
});

for (const version of versions) {
  test(`a bridge announces that it has come and gone, retained, and nobody else can (${version})`, options, async (t) => {
    await using broker = await launchBroker();
    const watcher = await connect(t, broker.target(), 'watcher');
    await watcher.subscribe({ filter: '$SYS/broker/connection/#', qos: 1 });
    const mosquitto = await startBridge(t, broker.target().port, [
      `bridge_protocol_version ${version}`,
      'local_clientid near',
      'remote_clientid site.7',
    ]);
    const topic = '$SYS/broker/connection/site.7/state';
    const heard = async (client: WireClient) => {
      const { topic: name, payload, retain } = await client.receive();
      return [name, payload.toString(), retain];
    };
    const kept = async (clientId: string) => {
      const late = await connect(t, broker.target(), clientId);
      await late.subscribe({ filter: '$SYS/broker/connection/+/state', qos: 1 });
      return heard(late);
    };
    assert.deepEqual(await heard(watcher), [topic, '1', false]);
    assert.deepEqual(await kept('late'), [topic, '1', true]);
    assert.equal(await watcher.publish({ topic, payload: '0', qos: 1, retain: true }), 0x87);
    const impostor = await WireClient.open(broker.target(), 5);
    t.after(() => impostor.transport.destroy());
    impostor.send(connectBytes(5, { clientId: 'impostor', will: { topic, payload: '0', retain: true } }));
    assert.equal((await impostor.expect('connack')).reasonCode, 0x87);
    await mosquitto.kill('SIGKILL');
    assert.deepEqual(await heard(watcher), [topic, '0', false]);
    assert.deepEqual(await kept('later'), [topic, '0', true]);
  });
}

test('a bridge that a rule lets announce its state under $SYS is seen to come and to go', options, async (t) => {
  const configuration = join(directory.path, 'wrenmq.yaml');
  const topics = "['$SYS/broker/connection/%c/state', '#', '$SYS/#']";
  await writeFile(configuration, `authorization: { rules: [{ permission: allow, action: all, topics: ${topics} }] }\n`);
  await using broker = await launchBroker({ args: ['--config', configuration] });
  const watcher = await connect(t, broker.target(), 'watcher');
  await watcher.subscribe({ filter: '$SYS/broker/connection/+/state', qos: 1 });
  const mosquitto = await startBridge(t, broker.target().port, []);
  const state = async (): Promise<string> => (await watcher.receive()).payload.toString();
  // It says '0' before it is connected, too.
  while ((await state()) !== '1');
  await mosquitto.kill('SIGKILL');
  assert.equal(await state(), '0');
});
