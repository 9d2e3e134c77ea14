import {
  PublishFrame,
  decodePublish,
  decodeUtf8,
  publishFirstByte,
  publishRemainingLength,
  writeUint16,
  writeVariableByteInteger,
} from '@wrenmq/codec';

/** A message as it comes from the store. */
export interface StoredMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** Property bytes without their length. */
  readonly properties: Uint8Array;
}

/** A PUBLISH of MQTT 5 with QoS 0, so without packet identifier, and without remaining length; whatever version the session speaks. */
export function encodeStoredMessage(topic: Uint8Array, payload: Uint8Array, retain: boolean, properties: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + publishRemainingLength(5, topic.length, properties.length, payload.length, 0));
  bytes[0] = publishFirstByte(0, retain, false);
  writeUint16(bytes, 1, topic.length);
  bytes.set(topic, 3);
  const at = writeVariableByteInteger(bytes, 3 + topic.length, properties.length);
  bytes.set(properties, at);
  bytes.set(payload, at + properties.length);
  return bytes;
}

/** Throws a ProtocolError when the bytes are damaged. */
export function decodeStoredMessage(bytes: Uint8Array): StoredMessage {
  const frame = new PublishFrame();
  decodePublish(frame, 5, bytes[0], bytes, 1, bytes.length);
  return {
    topic: decodeUtf8(bytes, frame.topicStart, frame.topicEnd),
    payload: bytes.subarray(frame.payloadStart, frame.payloadEnd),
    retain: frame.retain,
    properties: bytes.subarray(frame.propertiesStart, frame.propertiesEnd),
  };
}
