import { FrameDecoder, PacketType, decodePacket, encodePacket } from '@wrenmq/codec';
import type { AcknowledgementPacket, Packet, PublishPacket, QoS } from '@wrenmq/codec';
import type { Random } from './test-random.ts';

/** A message for the client, in the broker's session. */
interface Owed {
  readonly number: number;
  readonly topic: string;
  readonly qos: QoS;
  packetId: number;
  state: 'queued' | 'sent' | 'released';
  /** It was sent before, perhaps on another connection. */
  isRepeated: boolean;
}

/** What the broker remembers of a client. */
interface BrokerSession {
  readonly generation: number;
  isSubscribed: boolean;
  /** QoS 2 packet identifiers that wait for PUBREL. */
  readonly received: Set<number>;
  owed: Owed[];
}

interface BrokerConnection {
  readonly decoder: FrameDecoder<Uint8Array>;
  isOpen: boolean;
  receiveMaximum: number;
  /** PUBLISH packets of the client that have had no final answer on this connection. */
  readonly unanswered: Set<number>;
  readonly topicAliasMaximum: number;
  readonly aliases: Map<number, string>;
  /** Packets that wait for `answer`. */
  readonly answers: Packet[];
  /** Packet identifiers sent on this connection, not yet acknowledged, in order, by QoS. */
  readonly awaited: [number[], number[], number[]];
}

export interface Accepted {
  readonly number: number;
  readonly topic: string;
  readonly qos: QoS;
}

/** A broker for one client: it keeps the rules strictly, answers when it is told to, and notes everything. */
export class ModelBroker {
  readonly accepted: Accepted[] = [];
  readonly timesAccepted = new Map<number, number>();
  readonly refused = new Set<number>();
  /** Messages for the client that went with a session. */
  readonly dropped = new Set<number>();
  /** All that are owed, with their QoS. */
  readonly published = new Map<number, QoS>();
  readonly output: Uint8Array[] = [];
  session: BrokerSession | undefined = undefined;
  /** How many sessions ended against the client's will, or by its clean start. */
  losses = 0;
  repeats = 0;
  cleanStarts = 0;
  readonly #version: 4 | 5;
  readonly #receiveMaximum: number;
  readonly #random: Random;
  readonly #mayRefuse: boolean;
  #generations = 0;
  #connection: BrokerConnection | undefined = undefined;

  constructor(version: 4 | 5, receiveMaximum: number, random: Random, mayRefuse: boolean) {
    this.#version = version;
    this.#receiveMaximum = receiveMaximum;
    this.#random = random;
    this.#mayRefuse = mayRefuse;
  }

  /** Answers that wait for `answer`. */
  get answers(): number {
    return this.#connection?.answers.length ?? 0;
  }

  open(): void {
    this.output.length = 0;
    this.#connection = {
      decoder: new FrameDecoder((size) => new Uint8Array(size), 1_000_000),
      isOpen: false,
      receiveMaximum: 0xffff,
      topicAliasMaximum: this.#random.below(4),
      aliases: new Map(),
      unanswered: new Set(),
      answers: [],
      awaited: [[], [], []],
    };
  }

  close(): void {
    this.#connection = undefined;
    this.output.length = 0;
  }

  /** The session is forgotten. */
  lose(): void {
    if (this.session === undefined) return;
    for (const owed of this.session.owed) this.dropped.add(owed.number);
    this.session = undefined;
    this.losses++;
  }

  /** A message for the client. */
  publish(number: number, topic: string, qos: QoS): void {
    const { session } = this;
    if (session === undefined || !session.isSubscribed || (qos === 0 && this.#connection?.isOpen !== true)) return;
    this.published.set(number, qos);
    session.owed.push({ number, topic, qos, packetId: 0, state: 'queued', isRepeated: false });
    this.#send();
  }

  receive(bytes: Uint8Array): void {
    this.#connection?.decoder.push(bytes, 0, bytes.length, {
      onFrame: (first, frame, _start, body, end) => {
        this.#packet(decodePacket(this.#version, first, frame, body, end));
        return true;
      },
    });
  }

  /** Sends the oldest answer that was held back. */
  answer(): void {
    const connection = this.#connection;
    if (connection?.isOpen !== true) return;
    const packet = connection.answers.shift();
    if (packet === undefined) return;
    const isRefusal = 'reasonCode' in packet && packet.reasonCode >= 0x80;
    const isFinal =
      packet.type === PacketType.PUBACK || packet.type === PacketType.PUBCOMP || (packet.type === PacketType.PUBREC && isRefusal);
    if (isFinal) connection.unanswered.delete((packet as AcknowledgementPacket).packetId);
    this.#write(packet);
  }

  #write(packet: Packet): void {
    this.output.push(encodePacket(packet, this.#version));
  }

  #packet(packet: Packet): void {
    const connection = this.#connection!;
    if (packet.type === PacketType.CONNECT) {
      this.#connect(packet.cleanStart, packet.properties?.receiveMaximum ?? 0xffff);
      return;
    }
    if (!connection.isOpen) throw new Error('a packet before CONNECT');
    if (packet.type === PacketType.PUBLISH) this.#published(packet);
    else if (packet.type === PacketType.SUBSCRIBE) {
      this.session!.isSubscribed = true;
      connection.answers.push({ type: PacketType.SUBACK, packetId: packet.packetId, reasonCodes: packet.filters.map(() => 2) });
    } else if (packet.type === PacketType.PUBREL) {
      const isKnown = this.session!.received.delete(packet.packetId);
      const reasonCode = isKnown || this.#version === 4 ? 0 : 0x92;
      connection.answers.push({ type: PacketType.PUBCOMP, packetId: packet.packetId, reasonCode });
    } else if (packet.type === PacketType.PUBACK || packet.type === PacketType.PUBREC || packet.type === PacketType.PUBCOMP) {
      this.#acknowledged(packet);
    } else if (packet.type === PacketType.DISCONNECT) {
      connection.isOpen = false;
    } else if (packet.type === PacketType.PINGREQ) {
      connection.answers.push({ type: PacketType.PINGRESP });
    } else {
      throw new Error(`packet type ${packet.type} from the client`);
    }
  }

  #connect(cleanStart: boolean, receiveMaximum: number): void {
    const connection = this.#connection!;
    if (connection.isOpen) throw new Error('a second CONNECT');
    connection.isOpen = true;
    connection.receiveMaximum = receiveMaximum;
    if (cleanStart) {
      this.cleanStarts++;
      this.lose();
    }
    const sessionPresent = this.session !== undefined;
    this.session ??= { generation: ++this.#generations, isSubscribed: false, received: new Set(), owed: [] };
    this.#write({
      type: PacketType.CONNACK,
      sessionPresent,
      reasonCode: 0,
      properties: { receiveMaximum: this.#receiveMaximum, topicAliasMaximum: connection.topicAliasMaximum },
    });
    for (const owed of this.session.owed) {
      if (owed.state === 'released') this.#write({ type: PacketType.PUBREL, packetId: owed.packetId, reasonCode: 0 });
      else if (owed.state === 'sent') owed.state = 'queued';
    }
    this.session.owed = this.session.owed.filter((owed) => owed.qos > 0 || owed.state === 'queued');
    this.#send();
  }

  #published(packet: PublishPacket): void {
    const connection = this.#connection!;
    const { packetId, qos } = packet;
    const number = new DataView(packet.payload.buffer, packet.payload.byteOffset).getUint32(0);
    const topic = topicOf(connection, packet);
    if (qos === 0) {
      this.#accept(number, topic, qos);
      return;
    }
    if (connection.unanswered.has(packetId)) throw new Error(`packet identifier ${packetId} is in use`);
    connection.unanswered.add(packetId);
    const quota = this.#version === 5 ? this.#receiveMaximum : 0xffff;
    if (connection.unanswered.size > quota) throw new Error('the quota is exceeded');
    if (packet.dup) this.repeats++;
    const isRefused = this.refused.has(number) || (this.#mayRefuse && this.#random.chance(0.03) && !this.timesAccepted.has(number));
    const reasonCode = isRefused ? 0x87 : 0;
    if (qos === 1) {
      if (isRefused) this.refused.add(number);
      else this.#accept(number, topic, qos);
      connection.answers.push({ type: PacketType.PUBACK, packetId, reasonCode });
    } else if (this.session!.received.has(packetId)) {
      connection.answers.push({ type: PacketType.PUBREC, packetId, reasonCode: 0 });
    } else {
      if (isRefused) this.refused.add(number);
      else {
        this.session!.received.add(packetId);
        this.#accept(number, topic, qos);
      }
      connection.answers.push({ type: PacketType.PUBREC, packetId, reasonCode });
    }
  }

  #accept(number: number, topic: string, qos: QoS): void {
    const times = this.timesAccepted.get(number) ?? 0;
    this.timesAccepted.set(number, times + 1);
    this.accepted.push({ number, topic, qos });
  }

  #acknowledged(packet: AcknowledgementPacket): void {
    const { awaited } = this.#connection!;
    const session = this.session!;
    const owed = session.owed.find((each) => each.packetId === packet.packetId && each.state !== 'queued');
    if (packet.type === PacketType.PUBCOMP) {
      if (owed === undefined) return;
      if (owed.state !== 'released') throw new Error('PUBCOMP before PUBREL');
      session.owed.splice(session.owed.indexOf(owed), 1);
    } else {
      const order = awaited[packet.type === PacketType.PUBACK ? 1 : 2];
      const at = order.indexOf(packet.packetId);
      if (at < 0 || owed === undefined) throw new Error('an acknowledgement of nothing');
      // MQTT 3.1.1 leaves out what it cannot refuse.
      if (at > 0 && this.#version === 5) throw new Error('acknowledgements out of order');
      order.splice(0, at + 1);
      if (packet.type === PacketType.PUBREC && packet.reasonCode < 0x80) {
        owed.state = 'released';
        this.#write({ type: PacketType.PUBREL, packetId: packet.packetId, reasonCode: 0 });
      } else {
        session.owed.splice(session.owed.indexOf(owed), 1);
      }
    }
    this.#send();
  }

  /** Sends what the client's Receive Maximum lets it. */
  #send(): void {
    const connection = this.#connection;
    const { session } = this;
    if (connection?.isOpen !== true || session === undefined) return;
    const taken = new Set(session.owed.filter((owed) => owed.packetId > 0).map((owed) => owed.packetId));
    let open = session.owed.filter((owed) => owed.state !== 'queued').length;
    for (const owed of session.owed) {
      if (owed.state !== 'queued') continue;
      if (owed.qos > 0) {
        if (open >= connection.receiveMaximum) break;
        open++;
        while (owed.packetId === 0 || (!owed.isRepeated && taken.has(owed.packetId))) owed.packetId++;
        taken.add(owed.packetId);
        connection.awaited[owed.qos].push(owed.packetId);
      }
      owed.state = 'sent';
      const payload = new Uint8Array(4);
      new DataView(payload.buffer).setUint32(0, owed.number);
      const { topic, qos, packetId, isRepeated } = owed;
      this.#write({ type: PacketType.PUBLISH, topic, payload, qos, retain: false, dup: isRepeated && qos > 0, packetId });
      owed.isRepeated = true;
    }
    session.owed = session.owed.filter((owed) => owed.qos > 0 || owed.state === 'queued');
  }
}

/** The topic that a PUBLISH names, perhaps by an alias. */
function topicOf(connection: BrokerConnection, packet: PublishPacket): string {
  const alias = packet.properties?.topicAlias ?? 0;
  if (alias > connection.topicAliasMaximum) throw new Error(`topic alias ${alias} is above the maximum`);
  if (alias > 0 && packet.topic !== '') connection.aliases.set(alias, packet.topic);
  const topic = packet.topic === '' ? connection.aliases.get(alias) : packet.topic;
  if (topic === undefined) throw new Error(`topic alias ${alias} is unknown`);
  return topic;
}
