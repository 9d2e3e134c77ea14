import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, disconnectBytes, frame, pingreqBytes, subscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Sections 3.1.2.5, 3.1.2.6, 3.1.2.7, 3.1.3.2 and 3.14.4.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT311-3.1.2-8] the will is published when the connection is cut',
  {},
  async (t, version) => {
    const topic = unique('will');
    const watcher = await house.client(t, version);
    await watcher.subscribe({ filter: topic, qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      const client = await house.client(t, version, { will: { topic, payload: `gone ${qos}`, qos } });
      await client.cut();
      const will = await watcher.receive();
      assert.deepEqual([will.payload.toString(), will.qos, will.retain], [`gone ${qos}`, qos, false]);
    }
  },
);

testVersions(all, 'the will is published when the client ends the connection without DISCONNECT', {}, async (t, version) => {
  const topic = unique('will');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.client(t, version, { will: { topic, payload: 'gone', qos: 1 } });
  client.transport.end();
  assert.equal((await watcher.receive()).payload.toString(), 'gone');
});

testVersions(
  all,
  '[MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT311-3.1.2-10] [MQTT311-3.14.4-3] a DISCONNECT deletes the will',
  {},
  async (t, version) => {
    const topic = unique('will');
    const watcher = await house.client(t, version);
    await watcher.subscribe({ filter: topic, qos: 1 });
    const client = await house.client(t, version, { will: { topic, payload: 'gone', qos: 1 } });
    client.send(disconnectBytes());
    await client.expectClose();
    const other = await house.client(t, version, { will: { topic, payload: 'other', qos: 1 } });
    await other.cut();
    assert.equal((await watcher.receive()).payload.toString(), 'other');
    await watcher.expectNothing();
  },
);

test(
  '[MQTT-3.1.2-8] DISCONNECT 0x04 publishes the will, and so does any reason but 0x00',
  deviation({ mosquitto: 'knows 0x04 only' }),
  async (t) => {
    const topic = unique('will');
    const watcher = await house.client(t);
    await watcher.subscribe({ filter: topic, qos: 1 });
    for (const reasonCode of [0x04, 0x80, 0x93]) {
      const client = await house.client(t, 5, { will: { topic, payload: `${reasonCode}`, qos: 1 } });
      client.send(disconnectBytes(reasonCode));
      await client.expectClose();
      assert.equal((await watcher.receive()).payload.toString(), `${reasonCode}`);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.1.2-8] [MQTT311-3.1.2-8] the will is published after a protocol error',
  deviation({ mosquitto: 'does not after a second CONNECT' }),
  async (t, version) => {
    const topic = unique('will');
    const watcher = await house.client(t, version);
    await watcher.subscribe({ filter: topic, qos: 1 });
    const client = await house.client(t, version, { will: { topic, payload: 'broken', qos: 1 } });
    client.send(connectBytes(version, { clientId: unique('again') }));
    await expectRefusal(client, 0x82);
    assert.equal((await watcher.receive()).payload.toString(), 'broken');
  },
);

testVersions(all, '[MQTT-3.1.2-8] [MQTT311-3.1.2-8] the will is published when the keep alive runs out', {}, async (t, version) => {
  const topic = unique('will');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.client(t, version, { keepAlive: 1, will: { topic, payload: 'silent', qos: 1 } });
  await house.passTime(2600);
  assert.equal((await watcher.receive()).payload.toString(), 'silent');
  await expectRefusal(client, 0x8d);
});

testVersions(all, 'the will is published when another connection takes the session over', {}, async (t, version) => {
  const topic = unique('will');
  const clientId = unique('will');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  await house.client(t, version, { clientId, will: { topic, payload: 'replaced', qos: 1 } });
  await house.client(t, version, { clientId });
  assert.equal((await watcher.receive()).payload.toString(), 'replaced');
});

testVersions(all, '[MQTT-3.1.2-14] [MQTT311-3.1.2-16] Will Retain 0 leaves nothing behind', {}, async (t, version) => {
  const topic = unique('will');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.client(t, version, { will: { topic, payload: 'gone', qos: 1 } });
  await client.cut();
  assert.equal((await watcher.receive()).retain, false);
  const later = await house.client(t, version);
  await later.subscribe({ filter: topic, qos: 1 });
  await later.expectNothing();
});

testVersions(all, '[MQTT-3.1.2-15] [MQTT311-3.1.2-17] Will Retain 1 leaves a retained message', {}, async (t, version) => {
  const topic = unique('will');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.client(t, version, { will: { topic, payload: 'gone', qos: 1, retain: true } });
  await client.cut();
  assert.equal((await watcher.receive()).retain, false);
  const later = await house.client(t, version);
  await later.subscribe({ filter: topic, qos: 1 });
  const kept = await later.receive();
  assert.deepEqual([kept.retain, kept.payload.toString()], [true, 'gone']);
});

testVersions(all, '[MQTT311-3.1.2-12] a connection without a will leaves none of an earlier one', {}, async (t, version) => {
  const topic = unique('will');
  const clientId = unique('will');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: `${topic}/#`, qos: 1 });
  const first = await house.client(t, version, persistent(version, { clientId, will: { topic: `${topic}/first`, payload: 'x', qos: 1 } }));
  first.send(disconnectBytes());
  await first.expectClose();
  const second = await house.client(t, version, persistent(version, { clientId }));
  await second.cut();
  const marker = await house.client(t, version, { will: { topic: `${topic}/marker`, payload: 'x', qos: 1 } });
  await marker.cut();
  assert.equal((await watcher.receive()).topic, `${topic}/marker`);
});

test('[MQTT-3.1.3-10] [MQTT-3.1.2-9] the properties of the will are published with it, user properties in order', {}, async (t) => {
  const topic = unique('will');
  const watcher = await house.client(t);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const userProperties = [
    ['b', '1'],
    ['a', '2'],
    ['b', '1'],
  ] as const;
  const properties = {
    payloadFormatIndicator: 1,
    contentType: 'text/plain',
    responseTopic: 'r',
    correlationData: Buffer.from([1, 2]),
    userProperties,
  };
  const client = await house.client(t, 5, { will: { topic, payload: 'x', properties } });
  await client.cut();
  assert.deepEqual((await watcher.receive()).properties, properties);
});

test('[MQTT-3.1.2-8] the will waits for its Will Delay Interval', {}, async (t) => {
  const topic = unique('will');
  const watcher = await house.client(t);
  await watcher.subscribe({ filter: `${topic}/#`, qos: 1 });
  const client = await house.client(
    t,
    5,
    persistent(5, { clientId: unique('delay'), will: { topic: `${topic}/late`, properties: { willDelayInterval: 2 } } }),
  );
  await client.cut();
  const marker = await house.client(t, 5, { will: { topic: `${topic}/now` } });
  await marker.cut();
  assert.equal((await watcher.receive()).topic, `${topic}/now`);
  await house.passTime(1000);
  await watcher.expectNothing();
  await house.passTime(1500);
  assert.equal((await watcher.receive()).topic, `${topic}/late`);
});

test(
  '[MQTT-3.1.2-8] the end of the session publishes the will before its delay has passed',
  deviation({ mosquitto: 'waits for the delay' }),
  async (t) => {
    const topic = unique('will');
    const watcher = await house.client(t);
    await watcher.subscribe({ filter: topic, qos: 1 });
    const will = { topic, payload: 'x', properties: { willDelayInterval: 3600 } };
    const gone = await house.client(t, 5, { will });
    await gone.cut();
    await watcher.receive();
    const expiring = await house.client(t, 5, { clean: false, will, properties: { sessionExpiryInterval: 1 } });
    await expiring.cut();
    await watcher.expectNothing();
    await house.passTime(2500);
    await watcher.receive();
    const clientId = unique('restart');
    const replaced = await house.client(t, 5, persistent(5, { clientId, will }));
    await replaced.cut();
    await house.client(t, 5, { clientId, clean: true });
    await watcher.receive();
  },
);

test('[MQTT-3.1.3-9] a client that is back within the delay suppresses its will', {}, async (t) => {
  const topic = unique('will');
  const clientId = unique('back');
  const watcher = await house.client(t);
  await watcher.subscribe({ filter: `${topic}/#`, qos: 1 });
  const first = await house.client(
    t,
    5,
    persistent(5, { clientId, will: { topic: `${topic}/will`, properties: { willDelayInterval: 2 } } }),
  );
  await first.cut();
  const second = await house.client(t, 5, persistent(5, { clientId }));
  await house.passTime(3000);
  await second.publish({ topic: `${topic}/marker`, qos: 1 });
  assert.equal((await watcher.receive()).topic, `${topic}/marker`);
});

test('a take-over within the Will Delay Interval does not publish the will', deviation({ mosquitto: 'publishes it' }), async (t) => {
  const topic = unique('will');
  const clientId = unique('take');
  const watcher = await house.client(t);
  await watcher.subscribe({ filter: `${topic}/#`, qos: 1 });
  await house.client(t, 5, persistent(5, { clientId, will: { topic: `${topic}/will`, properties: { willDelayInterval: 60 } } }));
  const second = await house.client(t, 5, persistent(5, { clientId }));
  await second.publish({ topic: `${topic}/marker`, qos: 1 });
  assert.equal((await watcher.receive()).topic, `${topic}/marker`);
});

testVersions(all, 'a will that the client itself subscribed to waits in its session', {}, async (t, version) => {
  const topic = unique('self');
  const options = persistent(version, { clientId: unique('self'), will: { topic, payload: 'mine', qos: 1 as const } });
  const first = await house.client(t, version, options);
  await first.subscribe({ filter: topic, qos: 1 });
  await first.cut();
  const second = await house.open(t, version);
  await second.connect({ ...options });
  assert.equal((await second.receive()).payload.toString(), 'mine');
});

testVersions(all, 'a will stays with its client whatever else the client sends', {}, async (t, version) => {
  const topic = unique('busy');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.client(t, version, { will: { topic, payload: 'x', qos: 1 } });
  client.send(subscribeBytes(version, 1, [{ filter: unique('busy') }]), pingreqBytes(), frame(0x32));
  await client.expect('suback');
  assert.equal((await watcher.receive()).payload.toString(), 'x');
});
