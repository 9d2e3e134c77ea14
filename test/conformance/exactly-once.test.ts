import assert from 'node:assert/strict';
import {
  acknowledgementBytes,
  FaultProxy,
  publishBytes,
  seededRandom,
  WireClient,
  type ConnectOptions,
  type ProtocolVersion,
} from '@wrenmq/testkit';
import { persistent, testVersions, unique, useBroker } from './conformance.ts';

// Section 4.3.3 and 4.4 from end to end: connections are cut at random bytes in both directions, and what is published once arrives once.

const house = useBroker();
const count = 60;
const seed = 20_260_101;

/** Connects through the proxy until it works, with a cut at random bytes of each direction ahead. */
async function reconnect(proxy: FaultProxy, random: () => number, version: ProtocolVersion, options: ConnectOptions): Promise<WireClient> {
  for (;;) {
    proxy.toBroker.cutAfterBytes = 60 + Math.floor(random() * 400);
    proxy.toClient.cutAfterBytes = 20 + Math.floor(random() * 400);
    const client = await WireClient.open(proxy.target, version);
    const connack = await client.connect(options).catch(() => null);
    if (connack !== null) return client;
    client.transport.destroy();
  }
}

/** Publishes each number until its exchange is complete, as a client with a session does. */
async function publishAll(proxy: FaultProxy, random: () => number, version: ProtocolVersion, topic: string): Promise<void> {
  const options = persistent(version, { clientId: unique('publisher') });
  let client = await reconnect(proxy, random, version, options);
  for (let i = 0; i < count; i += 1) {
    const packetId = (i % 5) + 1;
    let isReleased = false;
    for (let attempt = 0; ; attempt += 1) {
      const message = publishBytes(version, { topic, payload: `${i}`, qos: 2, packetId, dup: attempt > 0 });
      try {
        if (!isReleased) {
          client.send(message);
          await client.expectFor('pubrec', packetId);
          isReleased = true;
        }
        client.send(acknowledgementBytes('pubrel', packetId));
        await client.expectFor('pubcomp', packetId);
        break;
      } catch {
        client.transport.destroy();
        client = await reconnect(proxy, random, version, options);
      }
    }
  }
  client.transport.destroy();
}

/** Takes messages as a QoS 2 receiver with a session does: a second PUBLISH with an identifier that is not released is no new message. */
async function receiveAll(proxy: FaultProxy, random: () => number, version: ProtocolVersion, options: ConnectOptions): Promise<number[]> {
  const received: number[] = [];
  const unreleased = new Set<number>();
  let client = await reconnect(proxy, random, version, options);
  while (received.length < count || unreleased.size > 0) {
    const packet = await client.next().catch(() => null);
    if (packet === null) {
      client.transport.destroy();
      client = await reconnect(proxy, random, version, options);
    } else if (packet.type === 'publish') {
      if (!unreleased.has(packet.packetId)) received.push(Number(packet.payload.toString()));
      unreleased.add(packet.packetId);
      client.send(acknowledgementBytes('pubrec', packet.packetId));
    } else if (packet.type === 'pubrel') {
      unreleased.delete(packet.packetId);
      client.send(acknowledgementBytes('pubcomp', packet.packetId));
    }
  }
  client.transport.destroy();
  return received;
}

testVersions(
  [3, 4, 5],
  `[MQTT-4.3.3-10] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT311-4.3.3-2] [MQTT311-4.4.0-1] QoS 2 messages arrive once and in order whatever is cut, seed ${seed}`,
  {},
  async (t, version) => {
    const { host = '127.0.0.1', port = 0 } = house.broker.target;
    const random = seededRandom(seed + version);
    const topic = unique('once');
    const options = persistent(version, { clientId: unique('subscriber') });
    const subscriber = await house.client(t, version, options);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    await subscriber.cut();
    await using publisherProxy = await FaultProxy.start({ host, port }, seed);
    await using subscriberProxy = await FaultProxy.start({ host, port }, seed);
    const [received] = await Promise.all([
      receiveAll(subscriberProxy, random, version, options),
      publishAll(publisherProxy, random, version, topic),
    ]);
    assert.deepEqual(
      received,
      Array.from({ length: count }, (_, i) => i),
    );
  },
);
