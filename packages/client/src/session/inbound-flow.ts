// HOT
import { PacketType, ProtocolError, PublishFrame, ReasonCode, canCarryReasonCode, decodePublish, encodeUtf8 } from '@wrenmq/codec';
import { Deque } from '#base/deque.ts';
import type { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import type { ConnectionState } from './connection-state.ts';
import { InboundDelivery, awaitedAck, settledAck } from './inbound-delivery.ts';
import type { Journal, Wait } from './journal.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { SessionObserver } from './session-contract.ts';
import { encodeStoredMessage } from './stored-message.ts';
import { TopicNames } from './topic-names.ts';

/** Topic aliases that the broker may use. */
export const topicAliasMaximum = 32;

/** A QoS 2 message, from its PUBLISH to its PUBREL. */
export class InboundRecord {
  readonly delivery: InboundDelivery;
  /** Its `in.put` is not durable yet. */
  isStoring = false;
  /** `acknowledge` was called: PUBREC may go out. */
  isHandled = false;
  /** That it was called with. */
  reasonCode = 0;
  /** PUBREL has come: PUBCOMP is owed on this connection. 0: not. */
  releasedOn = 0;

  constructor(delivery: InboundDelivery) {
    this.delivery = delivery;
  }
}

/** Messages from the broker, and the acknowledgements that they are owed. */
export class InboundFlow {
  readonly #connection: ConnectionState;
  readonly #output: OutputBuffer;
  readonly #journal: Journal;
  readonly #observer: SessionObserver;
  readonly #receiveMaximum: number;
  readonly #frame = new PublishFrame();
  readonly #names = new TopicNames();
  /** Topics by alias, of this connection. */
  #aliases: (string | undefined)[] = [];
  /** QoS 1 and 2 messages whose acknowledgement has not left, in order of arrival. */
  #unacknowledged = new Deque<InboundDelivery>();
  /** By packet identifier. */
  readonly #records = new Map<number, InboundRecord>();
  /** Places of our Receive Maximum that the broker has taken. */
  #open = 0;

  constructor(
    connection: ConnectionState,
    output: OutputBuffer,
    journal: Journal,
    parts: { observer: SessionObserver; receiveMaximum: number },
  ) {
    this.#connection = connection;
    this.#output = output;
    this.#journal = journal;
    this.#observer = parts.observer;
    this.#receiveMaximum = parts.receiveMaximum;
  }

  /** PUBLISH. Throws a ProtocolError. */
  publish(first: number, bytes: Uint8Array, body: number, end: number): void {
    const frame = this.#frame;
    decodePublish(frame, this.#connection.version, first, bytes, body, end);
    const topic = this.#topic(bytes);
    const delivery = new InboundDelivery(topic, bytes, frame);
    if (frame.qos === 0) {
      this.#observer.onDelivery(delivery);
    } else if (frame.qos === 1) {
      this.#await(delivery);
      this.#observer.onDelivery(delivery);
    } else {
      this.#publishOnce(delivery);
    }
  }

  /** PUBREL. */
  released(packetId: number): void {
    const record = this.#records.get(packetId);
    if (record === undefined) {
      // [MQTT-4.3.3-11] Also when a PUBCOMP got lost.
      this.#output.acknowledge(PacketType.PUBCOMP, packetId, this.#connection.version === 5 ? ReasonCode.PacketIdentifierNotFound : 0);
      return;
    }
    record.releasedOn = this.#connection.number;
    // A crash forgot that it was handled: PUBCOMP waits until it is.
    if (record.isHandled) this.#free(packetId, record);
  }

  acknowledge(delivery: InboundDelivery, reasonCode: number): void {
    if (delivery.ack !== awaitedAck) return;
    const code = reasonCode >= 0x80 && !canCarryReasonCode(PacketType.PUBACK, reasonCode) ? ReasonCode.UnspecifiedError : reasonCode;
    if (delivery.qos === 2) {
      this.#handled(delivery, code);
      return;
    }
    delivery.ack = code;
    if (delivery.connection === this.#connection.number) this.#drain();
  }

  /** A step is durable, or could not be stored: then the connection has ended, and the broker sends again what it must. */
  settled(wait: Wait, record: InboundRecord, error: MqttError | undefined): void {
    const { delivery } = record;
    const { packetId } = delivery;
    const isKnown = this.#records.get(packetId) === record;
    if (wait === 'received') {
      if (error !== undefined) this.#forgetStoring();
      else if (record.isStoring) {
        record.isStoring = false;
        this.#observer.onDelivery(delivery);
      } else if (!this.#records.has(packetId)) {
        this.#journal.add({ op: 'in.free', packetId });
      }
    } else if (error === undefined && isKnown) {
      this.#records.delete(packetId);
      if (wait === 'refused') {
        delivery.isHeld = false;
        this.#drain();
      } else if (record.releasedOn === this.#connection.number && this.#connection.isConnected) {
        this.#complete(packetId);
      }
    }
  }

  /** CONNACK has come. */
  start(isSessionPresent: boolean): void {
    this.#aliases = []; // [MQTT-3.3.2-7]
    this.#open = 0;
    this.#unacknowledged.drain();
    if (!isSessionPresent) this.#records.clear();
  }

  restore(op: StoreOp): void {
    if (op.op === 'in.put') {
      const { packet, packetId } = op;
      const frame = this.#frame;
      decodePublish(frame, 5, packet[0], packet, 1, packet.length);
      frame.qos = 2;
      frame.dup = true;
      frame.packetId = packetId;
      const topic = this.#names.decode(packet, frame.topicStart, frame.topicEnd);
      this.#records.set(packetId, new InboundRecord(new InboundDelivery(topic, packet, frame)));
    } else if (op.op === 'in.handled') {
      const record = this.#records.get(op.packetId);
      if (record !== undefined) record.isHandled = true;
    } else if (op.op === 'in.free') {
      this.#records.delete(op.packetId);
    } else if (op.op === 'session') {
      this.#records.clear();
    }
  }

  /** What an earlier process had received and not handled. Before `start`, which may forget it. */
  unhandled(): InboundDelivery[] {
    const records = [...this.#records.values()];
    return records.filter((record) => !record.isHandled).map((record) => record.delivery);
  }

  /** One could not be stored. The broker sends it again, with all that came after it: delivered now they would overtake it. */
  #forgetStoring(): void {
    for (const [packetId, record] of this.#records) {
      if (!record.isStoring) continue;
      record.isStoring = false;
      this.#records.delete(packetId);
    }
  }

  #topic(bytes: Uint8Array): string {
    const { topicStart, topicEnd, topicAlias } = this.#frame;
    if (topicAlias === 0) return this.#names.decode(bytes, topicStart, topicEnd);
    if (topicAlias > topicAliasMaximum) {
      throw new ProtocolError(ReasonCode.TopicAliasInvalid, 'MQTT-3.3.2-10', `topic alias ${topicAlias}`); // [MQTT-3.3.2-10]
    }
    if (topicStart < topicEnd) this.#aliases[topicAlias] = this.#names.decode(bytes, topicStart, topicEnd);
    const topic = this.#aliases[topicAlias];
    if (topic === undefined) throw new ProtocolError(ReasonCode.ProtocolError, '3.3.2.3.4', `topic alias ${topicAlias} is unknown`);
    return topic;
  }

  /** Its acknowledgement will be due, after those of all that came before. */
  #await(delivery: InboundDelivery): void {
    delivery.connection = this.#connection.number;
    if (++this.#open > this.#receiveMaximum && this.#connection.version === 5) {
      throw new ProtocolError(ReasonCode.ReceiveMaximumExceeded, 'MQTT-3.3.4-9', 'more messages than our Receive Maximum'); // [MQTT-3.3.4-9]
    }
    this.#unacknowledged.push(delivery); // [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT311-4.6.0-2] [MQTT311-4.6.0-3]
  }

  #publishOnce(delivery: InboundDelivery): void {
    const { packetId } = delivery;
    const known = this.#records.get(packetId);
    if (known !== undefined) {
      // [MQTT-4.3.3-10]
      if (known.delivery.connection === this.#connection.number && known.delivery.ack === awaitedAck) return;
      known.delivery.ack = known.isHandled ? known.reasonCode : awaitedAck;
      this.#await(known.delivery);
      this.#drain();
      return;
    }
    const record = new InboundRecord(delivery);
    this.#records.set(packetId, record);
    this.#await(delivery);
    if (!this.#journal.isDurable) {
      this.#observer.onDelivery(delivery);
      return;
    }
    const { topic, payload, retain } = delivery;
    const packet = encodeStoredMessage(encodeUtf8(topic), payload, retain, delivery.propertyBytes);
    record.isStoring = true;
    // ORDER: in the store, then delivered, then PUBREC.
    this.#journal.addMessage({ op: 'in.put', packetId, packet }, 'received', record);
  }

  /** A QoS 2 message: also one of an earlier connection, as the broker sends it again without its being delivered again. */
  #handled(delivery: InboundDelivery, reasonCode: number): void {
    delivery.ack = reasonCode;
    const { packetId } = delivery;
    const record = this.#records.get(packetId);
    if (record?.delivery !== delivery) return;
    record.isHandled = true;
    record.reasonCode = reasonCode;
    if (record.releasedOn === this.#connection.number && record.releasedOn > 0) {
      this.#free(packetId, record);
      return;
    }
    if (reasonCode >= 0x80) {
      // ORDER: the broker may use the packet identifier for a new message after this PUBREC.
      if (this.#journal.isDurable) {
        delivery.isHeld = true;
        this.#journal.add({ op: 'in.free', packetId }, 'refused', record);
        return;
      }
      this.#records.delete(packetId);
    } else if (this.#journal.isDurable) {
      this.#journal.add({ op: 'in.handled', packetId });
    }
    this.#drain();
  }

  /** Sends the acknowledgements whose turn has come. */
  #drain(): void {
    if (!this.#connection.isConnected) return;
    const waiting = this.#unacknowledged;
    for (let delivery = waiting.first; delivery !== undefined; delivery = waiting.first) {
      const { ack, qos, packetId } = delivery;
      if (ack === awaitedAck || delivery.isHeld) return;
      waiting.shift();
      delivery.ack = settledAck;
      // MQTT 3.1.1 cannot refuse: the broker sends it again on the next connection.
      if (ack >= 0x80 && this.#connection.version < 5) continue;
      if (qos === 1 || ack >= 0x80) this.#open--;
      this.#output.acknowledge(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC, packetId, ack);
    }
  }

  #free(packetId: number, record: InboundRecord): void {
    if (this.#journal.isDurable) {
      // ORDER: were it remembered after PUBCOMP, a new message under the same identifier would be taken for the old one.
      this.#journal.add({ op: 'in.free', packetId }, 'freed', record);
      return;
    }
    this.#records.delete(packetId);
    this.#complete(packetId);
  }

  #complete(packetId: number): void {
    if (this.#open > 0) this.#open--;
    this.#output.acknowledge(PacketType.PUBCOMP, packetId, 0); // [MQTT-4.3.3-11]
  }
}
