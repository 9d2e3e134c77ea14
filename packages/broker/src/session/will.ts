import { BodyKind, Message } from '#message/message.ts';

/** The message that the broker publishes when the client is gone without saying goodbye [MQTT-3.1.2-8]. */
export class Will {
  readonly message: Message;
  /** Will Delay Interval in seconds. */
  readonly delay: number;

  constructor(message: Message, delay: number) {
    this.message = message;
    this.delay = delay;
  }

  /** The will as it is published at `wallMs`: its expiry interval begins now. */
  atMs(wallMs: number): Message {
    const { message } = this;
    const interval = message.messageExpiryAt < 0 ? 0 : message.bytes.readUInt32BE(message.messageExpiryAt);
    const published = new Message(message.topic, message.bytes, message, {
      qos: message.qos,
      retain: message.retain,
      expiresAtMs: message.messageExpiryAt < 0 ? 0 : wallMs + interval * 1000,
      receivedAtMs: wallMs,
      publisher: message.publisher,
      bodyKind: BodyKind.None,
    });
    published.isHeld = true;
    published.delay = message.delay;
    return published;
  }
}
