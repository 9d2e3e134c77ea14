import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Delivery, DeliveryState, type Redelivery } from '#message/delivery.ts';
import { createMessage, type QoS } from '#message/message.ts';
import { decodeChunk, encodeChunk, type GroupNumbers, QueueChunk, restoreDelivery } from './queue-chunk.ts';

const group: Redelivery = { redeliver: () => false, lost: () => false };
const groups: GroupNumbers = {
  numberOf: (asked) => (asked === group ? 7 : 0),
  groupOf: (number) => (number === 7 ? group : null),
};

const entry = fc.record({
  qos: fc.constantFrom<QoS>(0, 1, 2),
  retain: fc.boolean(),
  state: fc.constantFrom(...Object.values(DeliveryState)),
  packetId: fc.nat(65_535),
  base: fc.nat(2 ** 48 - 1),
  distance: fc.nat(65_535),
  payloadBytes: fc.nat(100),
  isShared: fc.boolean(),
  identifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 4 }),
  failures: fc.oneof(fc.constant(0), fc.nat(65_535)),
});
type Entry = typeof entry extends fc.Arbitrary<infer Value> ? Value : never;

function deliveryOf({ qos, retain, state, packetId, base, distance, payloadBytes, isShared, identifiers, failures }: Entry): Delivery {
  const message = createMessage({ topic: 't', payload: Buffer.alloc(payloadBytes), publisher: 'p', receivedAtMs: 0 });
  message.recordBase = base;
  message.offset = base + distance;
  const delivery = new Delivery(message, qos, retain, identifiers.length === 0 ? null : identifiers);
  delivery.state = state;
  delivery.packetId = packetId;
  delivery.group = isShared ? group : null;
  delivery.failures = failures;
  return delivery;
}

function chunkOf(deliveries: readonly Delivery[]): QueueChunk {
  const chunk = new QueueChunk(1);
  chunk.entries.push(...deliveries);
  return chunk;
}

describe('a chunk of a queue', () => {
  test('comes back as it was written, without what is done', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 64 }), (entries) => {
        const decoded = decodeChunk(encodeChunk(chunkOf(entries.map(deliveryOf)), groups));
        const expected = entries
          .filter(({ state }) => state !== DeliveryState.Done)
          .map(({ qos, retain, state, packetId, base, distance, payloadBytes, isShared, identifiers, failures }) => ({
            qos,
            retain,
            state,
            packetId,
            base,
            offset: base + distance,
            weight: payloadBytes + 1,
            groupNumber: isShared ? 7 : 0,
            subscriptionIdentifiers: identifiers.length === 0 ? null : identifiers,
            failures,
          }));
        assert.deepEqual(decoded, expected);
      }),
    );
  });

  test('keeps the first 255 subscription identifiers', () => {
    const identifiers = Array.from({ length: 300 }, (_, i) => i + 1);
    const delivery = deliveryOf({ ...plainEntry, identifiers });
    const [decoded] = decodeChunk(encodeChunk(chunkOf([delivery, delivery]), groups));
    assert.deepEqual(decoded.subscriptionIdentifiers, identifiers.slice(0, 255));
  });

  test('makes deliveries that may have been sent before duplicates [MQTT-3.3.1-1], and gives them their shared group back', () => {
    const queued = deliveryOf({ ...plainEntry, isShared: true });
    const sent = deliveryOf({ ...plainEntry, packetId: 9, state: DeliveryState.Published });
    const restored = decodeChunk(encodeChunk(chunkOf([queued, sent]), groups)).map((one) => restoreDelivery(one, queued.message, groups));
    assert.deepEqual(
      restored.map(({ isDuplicate, packetId, state }) => ({ isDuplicate, packetId, state })),
      [
        { isDuplicate: false, packetId: 0, state: DeliveryState.Queued },
        { isDuplicate: true, packetId: 9, state: DeliveryState.Published },
      ],
    );
    assert.deepEqual([restored[0].group, restored[1].group], [group, null]);
  });
});

const plainEntry: Entry = {
  qos: 1,
  retain: false,
  state: DeliveryState.Queued,
  packetId: 0,
  base: 1,
  distance: 0,
  payloadBytes: 1,
  isShared: false,
  identifiers: [],
  failures: 0,
};
