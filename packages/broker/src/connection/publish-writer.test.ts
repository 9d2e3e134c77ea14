import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import {
  decodePacket,
  encodePacket,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type PublishPacket,
  type PublishProperties,
  variableByteIntegerSize,
} from '@wrenmq/codec';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { Counters } from '#base/counters.ts';
import { EMBEDDER } from '#hooks/order.ts';
import { Delivery } from '#message/delivery.ts';
import { createMessage, type Message, type QoS } from '#message/message.ts';
import { ChunkPool } from './chunk-pool.ts';
import { OutgoingAliases } from './outgoing-aliases.ts';
import { Outbox } from './outbox.ts';
import { type PublishFormat, PublishWriter } from './publish-writer.ts';
import { TestHouse, TestLink } from './test-house.ts';

type ValueOf<A> = A extends fc.Arbitrary<infer Value> ? Value : never;

const unbounded = 0xffffffff;

function createOutbox(): { link: TestLink; outbox: Outbox } {
  const link = new TestLink();
  return { link, outbox: new Outbox(link, { pool: new ChunkPool(), counters: new Counters(), flusher: { add() {} } as never }) };
}

/** The one packet that was written. */
function written(link: TestLink, outbox: Outbox, version: ProtocolVersion): { packet: PublishPacket; length: number } {
  outbox.flush();
  const bytes = link.take();
  let body = 2;
  while (bytes[body - 1] >= 0x80) body += 1;
  return { packet: decodePacket(version, bytes[0], bytes, body, bytes.length) as PublishPacket, length: bytes.length };
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((value) => value.isWellFormed() && !value.includes('\0'));
const topic = text.map((value) => `t/${value.replaceAll(/[+#]/g, '-')}`);
const someProperties: fc.Arbitrary<PublishProperties> = fc.record(
  {
    payloadFormatIndicator: fc.constantFrom<0 | 1>(0, 1),
    messageExpiryInterval: fc.integer({ min: 0, max: 100_000 }),
    contentType: text,
    responseTopic: topic,
    correlationData: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const version = fc.constantFrom<ProtocolVersion>(3, 4, 5);
const qos = fc.constantFrom<QoS>(0, 1, 2);

const published = fc.record({
  version,
  topic,
  payload: text,
  qos,
  retain: fc.boolean(),
  properties: someProperties,
  isAliased: fc.boolean(),
});
const delivered = fc.record({
  version,
  qos,
  retain: fc.boolean(),
  isDuplicate: fc.boolean(),
  packetId: fc.integer({ min: 1, max: 65_535 }),
  identifiers: fc.option(fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 3 })),
  aliasMaximum: fc.nat(2),
  waitedMs: fc.nat(200_000),
  /** Whether the message is kept for later, as queues do, or written while it lies in the connection's read buffer. */
  isHeld: fc.boolean(),
});

/** What a subscriber must get. */
function expectedPacket(
  from: ValueOf<typeof published>,
  to: ValueOf<typeof delivered>,
  alias: { number: number; isNew: boolean },
): PublishPacket {
  const forwarded = from.version === 5 ? from.properties : {};
  const interval = forwarded.messageExpiryInterval;
  const expiry = interval === undefined ? {} : { messageExpiryInterval: Math.max(Math.ceil((interval * 1000 - to.waitedMs) / 1000), 0) };
  const more = {
    ...(alias.number === 0 ? {} : { topicAlias: alias.number }),
    ...(to.identifiers === null ? {} : { subscriptionIdentifiers: to.identifiers }),
  };
  const deliveredQoS = Math.min(from.qos, to.qos) as QoS;
  return {
    type: PacketType.PUBLISH,
    topic: alias.number === 0 || alias.isNew ? from.topic : '',
    payload: Buffer.from(from.payload),
    qos: deliveredQoS,
    retain: to.retain,
    dup: deliveredQoS > 0 && to.isDuplicate,
    packetId: deliveredQoS === 0 ? 0 : to.packetId,
    ...(to.version === 5 ? { properties: { ...forwarded, ...expiry, ...more } } : {}),
  };
}

function normalized(packet: PublishPacket): unknown {
  const { properties: carried, payload, ...fields } = packet;
  const { subscriptionIdentifiers, correlationData, ...others } = carried ?? {};
  return {
    ...fields,
    payload: Buffer.from(payload).toString(),
    properties: others,
    subscriptionIdentifiers: subscriptionIdentifiers ?? [],
    correlationData: correlationData === undefined ? null : Buffer.from(correlationData).toString('hex'),
  };
}

let house: TestHouse;
let takeMessage: (message: Message) => void = () => {};
before(async () => {
  house = await TestHouse.open({ limits: { packetBytesMax: 1_000_000, receiveMaximum: 65_535 } });
  house.below.hooks.register(EMBEDDER, 'message.accept', (message) => {
    takeMessage(message);
    return { reject: 0x80 };
  });
});

/** Sends a PUBLISH through a connection and calls `onMessage` while its bytes are being read. */
async function receive(from: ValueOf<typeof published>, onMessage: (message: Message) => void): Promise<void> {
  const client = house.client(from.version);
  client.send({ type: PacketType.CONNECT, version: from.version, clientId: 'publisher', cleanStart: true, keepAlive: 0 });
  await client.answers();
  const packet: PublishPacket = {
    type: PacketType.PUBLISH,
    topic: from.topic,
    payload: Buffer.from(from.payload),
    qos: from.qos,
    retain: from.retain,
    dup: false,
    packetId: from.qos === 0 ? 0 : 1,
    properties: from.properties,
  };
  takeMessage = onMessage;
  if (from.version === 5 && from.isAliased) {
    takeMessage = () => {};
    client.send({ ...packet, qos: 0, packetId: 0, properties: { topicAlias: 3 } });
    takeMessage = onMessage;
    client.send({ ...packet, topic: '', properties: { ...from.properties, topicAlias: 3 } });
  } else client.send(packet);
  takeMessage = () => {};
  client.connection.leave(false, 0);
  client.connection.onClose(null);
}

test('whatever came in, in whatever version, what goes out is what the codec makes of it', async () => {
  const encode = (packet: Packet, to: ProtocolVersion): number => encodePacket(packet, to).length;
  await fc.assert(
    fc.asyncProperty(published, delivered, async (from, to) => {
      const clock = new FakeClock();
      const writer = new PublishWriter(clock);
      const { link, outbox } = createOutbox();
      const aliases = to.version === 5 && to.aliasMaximum > 0 ? new OutgoingAliases(to.aliasMaximum) : null;
      const format: PublishFormat = { version: to.version, packetBytesMax: unbounded, aliases };
      let delivery: Delivery | null = null;
      const write = (isNew: boolean): void => {
        assert.equal(writer.write(outbox, format, delivery!), true);
        const expected = expectedPacket(from, to, { number: aliases === null ? 0 : 1, isNew });
        const { packet, length } = written(link, outbox, to.version);
        assert.deepEqual(normalized(packet), normalized(expected));
        assert.equal(length, encode(expected, to.version));
      };
      await receive(from, (message) => {
        // The house's clock stands still: what waits is measured by the writer's own.
        const offset = house.services.clock.wallMs() - clock.wallMs();
        clock.advance(offset + to.waitedMs);
        delivery = new Delivery(message, Math.min(message.qos, to.qos) as QoS, to.retain, to.identifiers);
        delivery.packetId = to.packetId;
        delivery.isDuplicate = to.isDuplicate && delivery.qos > 0;
        if (to.isHeld) message.hold();
        else write(true);
      });
      assert.ok(delivery !== null, 'the message has come');
      if (to.isHeld) {
        write(true);
        // Again, when the client knows the alias.
        write(false);
      }
    }),
    { seed: 7742, numRuns: 1500 },
  );
});

test('a message that the house made itself goes out like one that came in', () => {
  const { link, outbox } = createOutbox();
  const writer = new PublishWriter(new FakeClock());
  const made = createMessage({
    topic: 't',
    payload: 'made',
    qos: 1,
    properties: { payloadFormatIndicator: 1, messageExpiryInterval: 7, contentType: 'text/plain' },
    publisher: 'house',
    receivedAtMs: new FakeClock().wallMs(),
  });
  for (const to of [4, 5] as const) {
    const delivery = new Delivery(made, 1, false, null);
    delivery.packetId = 9;
    assert.equal(writer.write(outbox, { version: to, packetBytesMax: unbounded, aliases: null }, delivery), true);
    const { packet } = written(link, outbox, to);
    assert.deepEqual([packet.topic, Buffer.from(packet.payload).toString(), packet.packetId], ['t', 'made', 9]);
    if (to === 5)
      assert.deepEqual({ ...packet.properties }, { payloadFormatIndicator: 1, messageExpiryInterval: 7, contentType: 'text/plain' });
  }
});

test('a packet over the Maximum Packet Size of the client is not written [MQTT-3.1.2-24], to the byte', () => {
  for (const isAliased of [false, true]) {
    for (const payloadBytes of [1, 120, 130, 20_000]) {
      const { link, outbox } = createOutbox();
      const writer = new PublishWriter(new FakeClock());
      const message = createMessage({ topic: 'topic', payload: 'x'.repeat(payloadBytes), publisher: 'p', receivedAtMs: 0 });
      const properties = 1 + (isAliased ? 3 : 0);
      const remaining = 2 + 5 + properties + payloadBytes;
      const size = 1 + variableByteIntegerSize(remaining) + remaining;
      const format = (packetBytesMax: number, aliases: OutgoingAliases | null) => ({ version: 5 as const, packetBytesMax, aliases });
      const aliases = isAliased ? new OutgoingAliases(5) : null;
      const delivery = new Delivery(message, 0, false, null);
      assert.equal(writer.write(outbox, format(size - 1, aliases), delivery), false);
      outbox.flush();
      assert.equal(link.writes.length, 0);
      assert.equal(writer.write(outbox, format(size, aliases), delivery), true);
      const { packet, length } = written(link, outbox, 5);
      assert.equal(length, size);
      assert.equal(packet.topic, 'topic', 'an alias that was not sent is not known to the client');
    }
  }
});

test('topic aliases: the first topics keep theirs, the others go without [MQTT-3.1.2-26]', () => {
  const { link, outbox } = createOutbox();
  const writer = new PublishWriter(new FakeClock());
  const format = { version: 5 as const, packetBytesMax: unbounded, aliases: new OutgoingAliases(2) };
  const send = (name: string): [string, number | undefined] => {
    const message = createMessage({ topic: name, payload: 'x', publisher: 'p', receivedAtMs: 0 });
    assert.equal(writer.write(outbox, format, new Delivery(message, 0, false, null)), true);
    const { packet } = written(link, outbox, 5);
    return [packet.topic, packet.properties?.topicAlias];
  };
  assert.deepEqual(['a', 'b', 'c', 'a', 'b', 'c'].map(send), [
    ['a', 1],
    ['b', 2],
    ['c', undefined],
    ['', 1],
    ['', 2],
    ['c', undefined],
  ]);
});
