import { BodyKind, Message, NO_DELAY, type QoS } from './message.ts';

/*
 * The stored form of a message, all numbers big-endian:
 *   u8   QoS (bits 0-1), retain (bit 2), has a delay (bit 3)
 *   f64  receivedAtMs          f64  expiresAtMs
 *   i32  Message Expiry Interval's position after the topic's first byte, or -1
 *   u16  publisher's length    u16  topic's length    u32  properties' length    u32  payload's length
 *   publisher, topic, properties, payload, and u32 the delay if it has one
 */
const HEADER_BYTES = 33;
const RETAIN = 4;
const DELAYED = 8;

/** The number of bytes that `writeMessage` writes. */
export function storedMessageBytes(message: Message): number {
  return HEADER_BYTES + Buffer.byteLength(message.publisher) + message.weight + (message.delay === NO_DELAY ? 0 : 4);
}

export function encodeMessage(message: Message): Buffer {
  const bytes = Buffer.allocUnsafeSlow(storedMessageBytes(message));
  writeMessage(message, bytes, 0);
  return bytes;
}

/** Writes the stored form at `at`; returns where it ends. */
export function writeMessage(message: Message, target: Buffer, at: number): number {
  const topicBytes = message.topicEnd - message.topicStart;
  const propertiesBytes = message.propertiesEnd - message.propertiesStart;
  target[at] = message.qos | (message.retain ? RETAIN : 0) | (message.delay === NO_DELAY ? 0 : DELAYED);
  target.writeDoubleBE(message.receivedAtMs, at + 1);
  target.writeDoubleBE(message.expiresAtMs, at + 9);
  target.writeInt32BE(message.messageExpiryAt < 0 ? -1 : topicBytes + message.messageExpiryAt - message.propertiesStart, at + 17);
  const publisherBytes = target.write(message.publisher, at + HEADER_BYTES);
  target.writeUInt16BE(publisherBytes, at + 21);
  target.writeUInt16BE(topicBytes, at + 23);
  target.writeUInt32BE(propertiesBytes, at + 25);
  target.writeUInt32BE(message.payloadBytes, at + 29);
  let end = at + HEADER_BYTES + publisherBytes;
  end += message.bytes.copy(target, end, message.topicStart, message.topicEnd);
  end += message.bytes.copy(target, end, message.propertiesStart, message.propertiesEnd);
  end += message.bytes.copy(target, end, message.payloadStart, message.payloadEnd);
  return message.delay === NO_DELAY ? end : target.writeUInt32BE(message.delay, end);
}

/** Reads a message whose slices lie in `bytes`, which belongs to it from here on. */
export function decodeMessage(bytes: Buffer, at = 0): Message {
  const publisherStart = at + HEADER_BYTES;
  const topicStart = publisherStart + bytes.readUInt16BE(at + 21);
  const topicEnd = topicStart + bytes.readUInt16BE(at + 23);
  const propertiesEnd = topicEnd + bytes.readUInt32BE(at + 25);
  const expiry = bytes.readInt32BE(at + 17);
  const slices = {
    topicStart,
    topicEnd,
    propertiesStart: topicEnd,
    propertiesEnd,
    payloadStart: propertiesEnd,
    payloadEnd: propertiesEnd + bytes.readUInt32BE(at + 29),
    messageExpiryAt: expiry < 0 ? -1 : topicStart + expiry,
  };
  const message = new Message(bytes.toString('utf8', topicStart, topicEnd), bytes, slices, {
    qos: (bytes[at] & 3) as QoS,
    retain: (bytes[at] & RETAIN) !== 0,
    receivedAtMs: bytes.readDoubleBE(at + 1),
    expiresAtMs: bytes.readDoubleBE(at + 9),
    publisher: bytes.toString('utf8', publisherStart, topicStart),
    bodyKind: BodyKind.None,
  });
  message.isHeld = true;
  if ((bytes[at] & DELAYED) !== 0) message.delay = bytes.readUInt32BE(slices.payloadEnd);
  return message;
}
