import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { FaultProxy } from '@wrenmq/testkit';
import { useLaunchedBroker } from './interop.ts';

// MQTT.js over every transport, in the three versions.

const place = useLaunchedBroker();
const options = { timeout: 60_000 };
const versions: readonly [string, IClientOptions][] = [
  ['3.1', { protocolVersion: 3, protocolId: 'MQIsdp' }],
  ['3.1.1', { protocolVersion: 4 }],
  ['5.0', { protocolVersion: 5 }],
];

async function connect(t: TestContext, scheme: string, listener: string, more: IClientOptions): Promise<MqttClient> {
  const path = scheme.startsWith('ws') ? '/mqtt' : '';
  const url = `${scheme}://localhost:${place.port(listener)}${path}`;
  const client = await mqtt.connectAsync(url, { ca: await place.ca(), reconnectPeriod: 0, ...more }, false);
  t.after(() => client.endAsync(true));
  return client;
}

/** The next messages of a client, as MQTT.js emits them. */
function messages(client: MqttClient, count: number): Promise<[string, string, IPublishPacket][]> {
  const found: [string, string, IPublishPacket][] = [];
  return new Promise((resolve) => {
    client.on('message', (topic, payload, packet) => {
      found.push([topic, payload.toString(), packet]);
      if (found.length === count) resolve(found);
    });
  });
}

for (const [name, version] of versions) {
  for (const [scheme, listener] of [
    ['mqtt', 'tcp'],
    ['ws', 'ws'],
    ['mqtts', 'tls'],
    ['wss', 'wss'],
  ] as const) {
    test(`MQTT.js speaks ${name} over ${scheme} at every QoS`, options, async (t) => {
      const client = await connect(t, scheme, listener, version);
      const topic = `js/${name}/${scheme}`;
      const arrived = messages(client, 3);
      await client.subscribeAsync(`${topic}/#`, { qos: 2 });
      for (const qos of [0, 1, 2] as const) await client.publishAsync(`${topic}/${qos}`, `hello ${qos}`, { qos });
      const found = await arrived;
      assert.deepEqual(
        found.toSorted(([, , a], [, , b]) => a.qos - b.qos).map(([each, payload, { qos }]) => [each, payload, qos]),
        [0, 1, 2].map((qos) => [`${topic}/${qos}`, `hello ${qos}`, qos]),
      );
      await client.endAsync();
    });
  }
}

test('MQTT.js uses the properties of MQTT 5, topic aliases and shared subscriptions', options, async (t) => {
  const client = await connect(t, 'mqtt', 'tcp', {
    protocolVersion: 5,
    autoUseTopicAlias: true,
    autoAssignTopicAlias: true,
    properties: { topicAliasMaximum: 10 },
  });
  const aliased: string[] = [];
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'publish' && packet.properties?.topicAlias !== undefined) aliased.push(packet.topic);
  });
  const arrived = messages(client, 6);
  await client.subscribeAsync({ 'js/five': { qos: 1 }, '$share/group/js/five': { qos: 1 } });
  const properties = {
    contentType: 'text/plain',
    responseTopic: 'js/answer',
    correlationData: Buffer.from('7'),
    userProperties: { k: ['1', '2'] },
  };
  for (let i = 0; i < 3; i += 1) await client.publishAsync('js/five', `${i}`, { qos: 1, properties });
  const found = await arrived;
  for (const [topic, , packet] of found) {
    assert.equal(topic, 'js/five');
    assert.equal(packet.properties?.contentType, 'text/plain');
    assert.deepEqual({ ...packet.properties?.userProperties }, { k: ['1', '2'] });
  }
  // From the second message on the broker names the topic by its alias alone.
  assert.deepEqual(aliased, ['js/five', '', '', '', '', '']);
});

test('MQTT.js resumes its session after the connection is lost, with everything in order', options, async (t) => {
  const more = {
    protocolVersion: 5,
    clean: false,
    clientId: 'js-session',
    reconnectPeriod: 50,
    properties: { sessionExpiryInterval: 600 },
  } as const;
  const client = await connect(t, 'mqtt', 'tcp', more);
  await client.subscribeAsync('js/session', { qos: 2 });
  const publisher = await connect(t, 'mqtt', 'tcp', { protocolVersion: 5 });
  const arrived = messages(client, 20);
  for (let i = 0; i < 20; i += 1) {
    if (i % 5 === 0) client.stream.destroy();
    await publisher.publishAsync('js/session', `${i}`, { qos: 2 });
  }
  assert.deepEqual(
    (await arrived).map(([, payload]) => Number(payload)),
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test('MQTT.js sends what it was given while its connection was lost, each message once', options, async (t) => {
  await using proxy = await FaultProxy.start(place.broker.target());
  const watcher = await connect(t, 'mqtt', 'tcp', { protocolVersion: 5 });
  const arrived = messages(watcher, 30);
  await watcher.subscribeAsync('js/queued', { qos: 2 });
  const client = await mqtt.connectAsync(`mqtt://localhost:${proxy.target.port}`, {
    clean: false,
    clientId: 'js-queued',
    reconnectPeriod: 50,
  });
  t.after(() => client.endAsync(true));
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < 30; i += 1) {
    if (i % 10 === 5) proxy.cutAll();
    sent.push(client.publishAsync('js/queued', `${i}`, { qos: 2 }));
  }
  await Promise.all(sent);
  assert.deepEqual(
    (await arrived).map(([, payload]) => Number(payload)).toSorted((a, b) => a - b),
    Array.from({ length: 30 }, (_, i) => i),
  );
});

for (const [name, version] of versions) {
  test(`the will of a MQTT.js client is published when its connection is lost, retained if it says so (${name})`, options, async (t) => {
    const topic = `js/will/${name}`;
    const watcher = await connect(t, 'mqtt', 'tcp', version);
    const arrived = messages(watcher, 1);
    await watcher.subscribeAsync(topic, { qos: 1 });
    const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: true } as const;
    const client = await connect(t, 'ws', 'ws', {
      ...version,
      will: version.protocolVersion === 5 ? { ...will, properties: { contentType: 'text/plain', willDelayInterval: 0 } } : will,
    });
    client.stream.destroy();
    const [message] = await arrived;
    assert.equal(message[1], 'gone');
    assert.equal(message[2].properties?.contentType, version.protocolVersion === 5 ? 'text/plain' : undefined);
    const late = await connect(t, 'mqtt', 'tcp', version);
    const kept = messages(late, 1);
    await late.subscribeAsync(topic);
    assert.equal((await kept)[0][2].retain, true);
  });
}
