import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PublishProperties } from '@wrenmq/codec';
import fc from 'fast-check';
import { BodyKind, createMessage, Message, NEVER, NOT_LOGGED } from './message.ts';

const everyProperty: PublishProperties = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 60,
  contentType: 'text/plain',
  responseTopic: 'answers',
  correlationData: Buffer.from([0, 1, 2]),
  userProperties: [
    ['a', '1'],
    ['a', '2'],
  ],
};

describe('createMessage', () => {
  test('fills in what is not said', () => {
    const message = createMessage({ topic: 'a/b', publisher: '$SYS', receivedAtMs: 7 });
    assert.equal(message.topic, 'a/b');
    assert.equal(message.payloadBytes, 0);
    assert.deepEqual(message.properties, {});
    assert.deepEqual(
      [message.qos, message.retain, message.expiresAtMs, message.receivedAtMs, message.publisher],
      [0, false, NEVER, 7, '$SYS'],
    );
    assert.deepEqual([message.bodyKind, message.offset, message.recordBase, message.isHeld], [BodyKind.None, NOT_LOGGED, NOT_LOGGED, true]);
  });

  test('lays topic, properties and payload in one buffer, in bytes of UTF-8', () => {
    const message = createMessage({
      topic: 'grün',
      payload: 'ä',
      properties: everyProperty,
      qos: 2,
      retain: true,
      publisher: 'p',
      receivedAtMs: 0,
    });
    assert.equal(message.bytes.toString('utf8', message.topicStart, message.topicEnd), 'grün');
    assert.equal(message.payload.toString(), 'ä');
    assert.deepEqual(plain(message.properties), plain(everyProperty));
    assert.equal(message.weight, message.bytes.length);
    assert.deepEqual([message.qos, message.retain], [2, true]);
  });

  test('finds the Message Expiry Interval among any properties', () => {
    fc.assert(
      fc.property(fc.subarray(Object.keys(everyProperty) as (keyof PublishProperties)[]), fc.nat(0xffffffff), (names, interval) => {
        const properties = Object.fromEntries(names.map((name) => [name, everyProperty[name]])) as PublishProperties;
        if (properties.messageExpiryInterval !== undefined) properties.messageExpiryInterval = interval;
        const message = createMessage({ topic: 'a', payload: 'x', properties, publisher: 'p', receivedAtMs: 1000 });
        if (properties.messageExpiryInterval === undefined) assert.equal(message.messageExpiryAt, -1);
        else assert.equal(message.bytes.readUInt32BE(message.messageExpiryAt), interval);
      }),
    );
  });

  test('expires a message when its interval has passed, not before [MQTT-3.3.2-5]', () => {
    const message = createMessage({ topic: 'a', properties: { messageExpiryInterval: 2 }, publisher: 'p', receivedAtMs: 1000 });
    assert.equal(message.isExpired(2999), false);
    assert.equal(message.isExpired(3000), true);
    assert.equal(createMessage({ topic: 'a', publisher: 'p', receivedAtMs: 0 }).isExpired(Number.MAX_SAFE_INTEGER), false);
  });
});

describe('hold', () => {
  test('copies what the message needs out of the read buffer, once', () => {
    const { message, buffer } = received();
    const before = { topic: slice(message, 'topic'), properties: plain(message.properties), weight: message.weight };
    assert.equal(message.hold(), message);
    const own = message.bytes;
    buffer.fill(0xee);
    assert.equal(own.length, buffer.length - 10 - 5);
    assert.equal(slice(message, 'topic'), before.topic);
    assert.deepEqual(plain(message.properties), before.properties);
    assert.equal(message.weight, before.weight);
    assert.equal(message.payload.toString(), 'payload');
    assert.equal(message.bytes.readUInt32BE(message.messageExpiryAt), 60);
    assert.equal(message.hold().bytes, own);
  });

  test('keeps the two bytes before the topic, where the length of the body stands', () => {
    const { message } = received();
    message.hold();
    assert.equal(message.topicStart, 2);
    assert.equal(message.bytes.readUInt16BE(0), 3);
  });
});

/** A message in the midst of a read buffer, as a PUBLISH lies there. */
function received(): { message: Message; buffer: Buffer } {
  const made = createMessage({ topic: 't/x', payload: 'payload', properties: everyProperty, publisher: 'p', receivedAtMs: 0 });
  const at = 12;
  const buffer = Buffer.concat([Buffer.alloc(10, 0xff), Buffer.from([0, 3]), made.bytes, Buffer.alloc(5, 0xff)]);
  const slices = {
    topicStart: at + made.topicStart,
    topicEnd: at + made.topicEnd,
    propertiesStart: at + made.propertiesStart,
    propertiesEnd: at + made.propertiesEnd,
    payloadStart: at + made.payloadStart,
    payloadEnd: at + made.payloadEnd,
    messageExpiryAt: at + made.messageExpiryAt,
  };
  const { qos, retain, expiresAtMs, receivedAtMs, publisher } = made;
  const origin = { qos, retain, expiresAtMs, receivedAtMs, publisher, bodyKind: BodyKind.V5QoS0 };
  return { buffer, message: new Message('t/x', buffer, slices, origin) };
}

function slice(message: Message, part: 'topic'): string {
  return message.bytes.toString('utf8', message[`${part}Start`], message[`${part}End`]);
}

/** Properties without what tells a Buffer from a Uint8Array. */
function plain(properties: PublishProperties): object {
  const { correlationData, ...rest } = properties;
  return { ...rest, correlationData: correlationData === undefined ? null : [...correlationData] };
}
