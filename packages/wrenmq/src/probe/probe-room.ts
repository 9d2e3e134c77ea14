import { randomBytes } from 'node:crypto';
import {
  type ConnackPacket,
  type ConnectPacket,
  encodePacket,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type PublishPacket,
} from '@wrenmq/codec';
import type { WireBroker } from '#wire/wire-broker.ts';
import { WireSession } from '#wire/wire-session.ts';

export interface Client {
  readonly session: WireSession;
  readonly clientId: string;
  readonly connack: ConnackPacket;
}

export type ConnectWish = Partial<Omit<ConnectPacket, 'type' | 'version'>> & { readonly version?: ProtocolVersion };

/** Seconds. */
export const KEEP_ALIVE_MAX = 65_535;
/** Never. */
export const EXPIRY_MAX = 0xffff_ffff;

/** The place at a broker where the checks work: topics and client ids that nobody else has, and all that must be cleaned up. */
export class ProbeRoom implements AsyncDisposable {
  readonly broker: WireBroker;
  /** That in which the checks speak. */
  readonly version: ProtocolVersion;
  /** In bytes. */
  readonly payloadMax: number;
  readonly #name = randomBytes(8).toString('hex');
  readonly #sessions: WireSession[] = [];
  readonly #retained = new Set<string>();
  readonly #durable = new Map<string, ProtocolVersion>();
  #count = 0;
  #announcement: Promise<ConnackPacket> | undefined;

  constructor(broker: WireBroker, version: ProtocolVersion, payloadMax: number) {
    this.broker = broker;
    this.version = version;
    this.payloadMax = payloadMax;
  }

  /** A topic that no check has had before. */
  topic(): string {
    this.#count += 1;
    return `wrenmq-probe/${this.#name}/${this.#count}`;
  }

  clientId(): string {
    this.#count += 1;
    // As long as every server must allow: 23.
    return `probe${this.#name.slice(0, 10)}x${this.#count}`;
  }

  /** A stream to the broker on which no MQTT was spoken yet. */
  async open(version: ProtocolVersion = this.version): Promise<WireSession> {
    const session = await WireSession.open(this.broker.target, version);
    this.#sessions.push(session);
    return session;
  }

  /** What CONNECT a check sends, unless it wishes otherwise. */
  connectPacket({ version = this.version, ...wish }: ConnectWish = {}): ConnectPacket {
    const { username, password } = this.broker.credentials;
    const credentials = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
    return { type: PacketType.CONNECT, version, clientId: this.clientId(), cleanStart: true, keepAlive: 60, ...credentials, ...wish };
  }

  /** A client that the broker has accepted. */
  async connect(wish: ConnectWish = {}): Promise<Client> {
    const packet = this.connectPacket(wish);
    const session = await this.open(packet.version);
    const isDurable = !packet.cleanStart || (packet.properties?.sessionExpiryInterval ?? 0) > 0;
    // Who has no client id of its own ends its session itself.
    if (isDurable && packet.clientId !== '') this.#durable.set(packet.clientId, packet.version);
    const connack = await session.connect(packet);
    if (connack === null || connack.reasonCode !== 0)
      throw new Error(`the connection was refused${connack === null ? '' : ` with ${hex(connack.reasonCode)}`}`);
    return { session, clientId: connack.properties?.assignedClientIdentifier ?? packet.clientId, connack };
  }

  /** The CONNACK for a client that asks for everything, so that the answer is the server's limit. */
  announcement(): Promise<ConnackPacket> {
    this.#announcement ??= this.#askForEverything();
    return this.#announcement;
  }

  async #askForEverything(): Promise<ConnackPacket> {
    const properties = { sessionExpiryInterval: EXPIRY_MAX, requestResponseInformation: true };
    const { session, connack } = await this.connect({ clientId: '', keepAlive: KEEP_ALIVE_MAX, properties });
    session.disconnect(0);
    return connack;
  }

  /** A client that has subscribed to `filter` at QoS 1. */
  async subscriber(filter: string, wish: ConnectWish = {}): Promise<Client> {
    const client = await this.connect(wish);
    const { reasonCodes } = await client.session.subscribe(filter);
    if (reasonCodes[0] >= 0x80) throw new Error(`the subscription was refused with ${hex(reasonCodes[0])}`);
    return client;
  }

  /** Publishes a retained message, which will be taken away at the end. */
  async retain(session: WireSession, message: Partial<PublishPacket> & { readonly topic: string }): Promise<number> {
    this.#retained.add(message.topic);
    return session.publish({ payload: Buffer.from('probe'), ...message, retain: true });
  }

  /** The next message on this topic; acknowledged. Null when the broker closes. */
  async receive(session: WireSession, topic: string, timeoutMs?: number): Promise<PublishPacket | null> {
    const isWanted = (packet: Packet): boolean => packet.type === PacketType.PUBLISH && packet.topic === topic;
    const message = (await session.next(isWanted, timeoutMs)) as PublishPacket | null;
    if (message?.qos === 1) session.send({ type: PacketType.PUBACK, packetId: message.packetId, reasonCode: 0 });
    if (message?.qos === 2) {
      session.send({ type: PacketType.PUBREC, packetId: message.packetId, reasonCode: 0 });
      await session.expect(PacketType.PUBREL);
      session.send({ type: PacketType.PUBCOMP, packetId: message.packetId, reasonCode: 0 });
    }
    return message;
  }

  /**
   * What came on `topic` before a message that is published after all that was asked for: the subscriber's way to know that nothing
   * comes any more. The subscriber must not have the same subscription twice.
   */
  async receivedBeforeSentinel(subscriber: WireSession, publisher: WireSession, topic: string): Promise<PublishPacket[]> {
    const sentinel = this.topic();
    await subscriber.subscribe(sentinel);
    await publisher.publish({ topic: sentinel });
    return this.#receivedBefore(sentinel, subscriber, topic);
  }

  /** The same where retained messages are asked for: brokers take their time with those, so the sentinel is one too. */
  async receivedBeforeRetained(subscriber: WireSession, publisher: WireSession, topic: string): Promise<PublishPacket[]> {
    const sentinel = this.topic();
    await this.retain(publisher, { topic: sentinel });
    await subscriber.subscribe(sentinel);
    return this.#receivedBefore(sentinel, subscriber, topic);
  }

  async #receivedBefore(sentinel: string, subscriber: WireSession, topic: string): Promise<PublishPacket[]> {
    await this.receive(subscriber, sentinel);
    return (await subscriber.settle(PacketType.PUBLISH)).filter((message) => message.topic === topic);
  }

  /** Takes away what is left at the broker, and closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const [clientId, version] of this.#durable) {
        const { session } = await this.connect({ clientId, version });
        session.disconnect(0);
      }
      if (this.#retained.size > 0) {
        const { session } = await this.connect();
        for (const topic of this.#retained) await session.publish({ topic, retain: true, payload: new Uint8Array(0) });
        session.disconnect();
      }
    } finally {
      for (const session of this.#sessions) session[Symbol.dispose]();
    }
  }
}

/** Bytes of a packet whose `_` has become `#`: such as no encoder makes. What stands before topics is left alone. */
export function withWildcard(packet: Packet, version: ProtocolVersion): Uint8Array {
  const bytes = encodePacket(packet, version);
  bytes[bytes.indexOf('_'.charCodeAt(0), 6)] = '#'.charCodeAt(0);
  return bytes;
}

export function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}
