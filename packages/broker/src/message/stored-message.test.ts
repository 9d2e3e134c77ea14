import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createMessage, type Message, type MessageFields, type QoS } from './message.ts';
import { decodeMessage, encodeMessage, storedMessageBytes, writeMessage } from './stored-message.ts';

const topicName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((topic) => !/[+#\0]/.test(topic));
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\0'));

const anyMessage: fc.Arbitrary<Message> = fc
  .record({
    topic: topicName,
    payload: fc.uint8Array({ maxLength: 200 }),
    qos: fc.constantFrom<QoS>(0, 1, 2),
    retain: fc.boolean(),
    publisher: text,
    delay: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
    receivedAtMs: fc.maxSafeNat(),
    properties: fc.record(
      {
        payloadFormatIndicator: fc.constantFrom<0 | 1>(0, 1),
        messageExpiryInterval: fc.nat(0xffffffff),
        contentType: text,
        responseTopic: topicName,
        correlationData: fc.uint8Array({ maxLength: 30 }),
        userProperties: fc.array(fc.tuple(text, text), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
  })
  .map((fields) => createMessage(fields as MessageFields));

describe('the stored form of a message', () => {
  test('gives back all that was written', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = encodeMessage(message);
        assert.equal(bytes.length, storedMessageBytes(message));
        assertSame(decodeMessage(bytes), message);
      }),
    );
  });

  test('can stand anywhere in a buffer, one behind the other', () => {
    fc.assert(
      fc.property(anyMessage, anyMessage, fc.nat(50), (first, second, at) => {
        const target = Buffer.alloc(at + storedMessageBytes(first) + storedMessageBytes(second), 0xaa);
        const between = writeMessage(first, target, at);
        assert.equal(between, at + storedMessageBytes(first));
        assert.equal(writeMessage(second, target, between), target.length);
        assertSame(decodeMessage(target, at), first);
        assertSame(decodeMessage(target, between), second);
        assert.ok(target.subarray(0, at).every((byte) => byte === 0xaa));
      }),
    );
  });

  test('is without a delay what it was before there were delays', () => {
    const bytes = encodeMessage(createMessage({ topic: 'a', payload: 'b', qos: 2, retain: true, publisher: 'p', receivedAtMs: 1 }));
    const before = '063ff00000000000000000000000000000ffffffff000100010000000000000001706162';
    assert.equal(bytes.toString('hex'), before);
    assert.equal(decodeMessage(Buffer.from(before, 'hex')).delay, 0);
  });

  test('belongs to the message that was read: nothing is copied any more', () => {
    const bytes = encodeMessage(createMessage({ topic: 'a', payload: 'b', publisher: 'p', receivedAtMs: 0 }));
    const message = decodeMessage(bytes);
    assert.equal(message.isHeld, true);
    assert.equal(message.hold().bytes, bytes);
  });
});

function assertSame(actual: Message, expected: Message): void {
  assert.deepEqual(facts(actual), facts(expected));
}

function facts(message: Message): object {
  const { topic, qos, retain, expiresAtMs, receivedAtMs, publisher, weight, delay } = message;
  return {
    topic,
    delay,
    qos,
    retain,
    expiresAtMs,
    receivedAtMs,
    publisher,
    weight,
    payload: message.payload.toString('hex'),
    properties: message.bytes.toString('hex', message.propertiesStart, message.propertiesEnd),
    interval: message.messageExpiryAt < 0 ? null : message.bytes.readUInt32BE(message.messageExpiryAt),
    topicBytes: message.bytes.toString('utf8', message.topicStart, message.topicEnd),
  };
}
