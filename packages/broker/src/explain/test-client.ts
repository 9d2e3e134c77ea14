import type { NameHash } from '#base/name-hash.ts';
import { Delivery } from '#message/delivery.ts';
import { createMessage, type Message, type QoS } from '#message/message.ts';
import type { DecidedClient, DecidedTopic, Tally } from './decisions.ts';

/** Stands for a session. */
export class TestClient implements DecidedClient {
  readonly clientId: string;
  readonly isDurable: boolean;
  clientHash: NameHash | null = null;

  constructor(clientId: string, isDurable = false) {
    this.clientId = clientId;
    this.isDurable = isDurable;
  }
}

/** Stands for a route. */
export class TestTopic implements DecidedTopic {
  readonly topic: string;
  topicHash: NameHash | null = null;
  tallyCount = 0;
  tallyPlace = 0;
  tallyNext: Tally | null = null;

  constructor(topic: string) {
    this.topic = topic;
  }
}

/** Counts as the receiver of a topic does. */
export class TestTally implements Tally {
  tallyCount = 0;
  tallyPlace = 0;
  tallyNext: Tally | null = null;
}

export function testMessage(topic: string, qos: QoS = 0, publisher = 'publisher'): Message {
  return createMessage({ topic, qos, publisher, receivedAtMs: 0, payload: 'x' });
}

export function testDelivery(message: Message, packetId = 0, retain = false): Delivery {
  const delivery = new Delivery(message, message.qos, retain, null);
  delivery.packetId = packetId;
  return delivery;
}
