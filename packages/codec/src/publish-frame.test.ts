import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frame, properties, text, user } from './packet-case.ts';
import { packetCases } from './packet-cases.ts';
import { PacketType } from './packet-type.ts';
import { PublishFrame, decodePublish, forwardableProperties } from './publish-frame.ts';
import { decodePublishProperties, encodePublishProperties } from './publish.ts';

function decode(bytes: Uint8Array, into = new PublishFrame()): PublishFrame {
  decodePublish(into, 5, bytes[0], bytes, 2, bytes.length);
  return into;
}

describe('decodePublish', () => {
  it('finds every part of a PUBLISH with properties', () => {
    const bytes = frame(0x3d, text('t/1'), [1, 2], properties([1, 1, 2, 0xff, 0xff, 0xff, 0xff], user), [7, 8, 9]);
    const expected = Object.assign(new PublishFrame(), {
      qos: 2,
      retain: true,
      dup: true,
      topicStart: 4,
      topicEnd: 7,
      packetId: 258,
      packetIdAt: 7,
      propertiesStart: 10,
      propertiesEnd: 24,
      payloadStart: 24,
      payloadEnd: 27,
      messageExpiryInterval: 0xffffffff,
      messageExpiryAt: 13,
      payloadFormatIndicator: 1,
    });
    assert.deepEqual(decode(bytes), expected);
    assert.deepEqual(decode(Buffer.from(bytes)), expected);
  });

  it('leaves nothing of the packet before', () => {
    const into = decode(frame(0x3b, text('t'), [0, 1], properties([1, 1, 2, 0, 0, 0, 1, 0x0b, 5, 0x23, 0, 3]), [7]));
    assert.equal(into.topicAlias, 3);
    assert.equal(into.hasSubscriptionIdentifier, true);
    const small = frame(0x30, text('t'), 0);
    assert.deepEqual(decode(small, into), decode(small));
  });

  it('sees no properties in MQTT 3', () => {
    const into = new PublishFrame();
    const bytes = frame(0x30, text('t'), [1, 2]);
    decodePublish(into, 4, bytes[0], bytes, 2, bytes.length);
    assert.equal(into.payloadStart, 5);
    assert.equal(into.propertiesEnd - into.propertiesStart, 0);
    assert.equal(into.isForwardable, true);
  });

  it('says whether the properties may be passed on as they are', () => {
    const isForwardable = (...content: number[]) => decode(frame(0x30, text('t'), properties(content))).isForwardable;
    assert.equal(isForwardable(...user, 3, 0, 1, 0x78), true);
    assert.equal(isForwardable(0x0b, 1), false);
    assert.equal(isForwardable(0x23, 0, 1), false);
  });
});

describe('forwardableProperties', () => {
  it('leaves out what belongs to one connection and keeps the rest [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-20]', () => {
    const kept = [...user, 2, 0, 0, 1, 0, 9, 0, 1, 0xff, ...user, 8, ...text('r'), 3, ...text('c'), 1, 1];
    const bytes = frame(0x30, text('t'), properties([0x23, 0, 1], user, [0x0b, 0x80, 1], kept.slice(user.length)));
    const forwarded = forwardableProperties(bytes, decode(bytes));
    assert.deepEqual([...forwarded.properties], kept);
    assert.equal(forwarded.messageExpiryAt, user.length + 1);
  });

  it('keeps user properties as they are and in order [MQTT-3.3.2-17] [MQTT-3.3.2-18]', () => {
    const kept = [0x26, ...text('b'), ...text('2'), 0x26, ...text('a'), ...text('1'), 0x26, ...text('b'), ...text('2')];
    const bytes = frame(0x30, text('t'), properties(kept.slice(0, 7), [0x0b, 1], kept.slice(7)));
    assert.deepEqual([...forwardableProperties(bytes, decode(bytes)).properties], kept);
  });

  it('is empty when nothing is left', () => {
    const bytes = frame(0x30, text('t'), properties([0x23, 0, 1]));
    assert.deepEqual(forwardableProperties(bytes, decode(bytes)), { properties: new Uint8Array(), messageExpiryAt: -1 });
  });
});

describe('encodePublishProperties', () => {
  it('is read back by decodePublishProperties, for every case', () => {
    for (const { packet } of packetCases) {
      if (packet.type !== PacketType.PUBLISH || packet.properties === undefined) continue;
      const bytes = encodePublishProperties(packet.properties);
      assert.deepEqual(decodePublishProperties(bytes, 0, bytes.length), packet.properties);
    }
  });

  it('writes the payload format indicator first and the message expiry interval next', () => {
    const both = { contentType: 'c', messageExpiryInterval: 1, payloadFormatIndicator: 1 } as const;
    assert.deepEqual([...encodePublishProperties(both)], [1, 1, 2, 0, 0, 0, 1, 3, 0, 1, 0x63]);
    assert.deepEqual([...encodePublishProperties({ messageExpiryInterval: 1 })], [2, 0, 0, 0, 1]);
    assert.equal(encodePublishProperties({}).length, 0);
  });
});
