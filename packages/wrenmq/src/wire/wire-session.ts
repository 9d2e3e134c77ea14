import {
  type ConnackPacket,
  type ConnectPacket,
  decodePacket,
  encodePacket,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type PublishPacket,
  reasonName,
  type SubackPacket,
} from '@wrenmq/codec';
import type { WireTarget } from './open-stream.ts';
import { PacketConnection, type PacketSink } from './packet-connection.ts';

export type PacketOf<T extends PacketType> = Extract<Packet, { readonly type: T }>;

/** Packets that may wait here: a broker that floods is cut off. */
const PACKETS_MAX = 10_000;

interface Waiter {
  readonly isWanted: (packet: Packet) => boolean;
  readonly resolve: (packet: Packet | null) => void;
  readonly reject: (error: Error) => void;
}

/** An MQTT conversation, packet by packet. It answers nothing by itself, so that its user can leave out what a client must do. */
export class WireSession implements PacketSink, Disposable {
  readonly version: ProtocolVersion;
  readonly #timeoutMs: number;
  #connection!: PacketConnection;
  #packets: Packet[] = [];
  #waiters: Waiter[] = [];
  #isClosed = false;
  #failure: Error | null = null;
  #packetId = 0;

  private constructor(version: ProtocolVersion, timeoutMs: number) {
    this.version = version;
    this.#timeoutMs = timeoutMs;
  }

  /** Connects the stream; no MQTT is spoken yet. */
  static async open(target: WireTarget, version: ProtocolVersion): Promise<WireSession> {
    const session = new WireSession(version, target.timeoutMs);
    session.#connection = await PacketConnection.open(target, session);
    return session;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  packetId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1;
    return this.#packetId;
  }

  send(...packets: readonly Packet[]): void {
    for (const packet of packets) this.#connection.write(encodePacket(packet, this.version));
  }

  /** Bytes as they are, also such as no client may send. */
  sendBytes(bytes: Uint8Array): void {
    this.#connection.write(bytes);
  }

  /** The first packet that is wanted, also one that came before; null when the connection ends without it. Rejects after the timeout. */
  next(isWanted: (packet: Packet) => boolean, timeoutMs: number = this.#timeoutMs): Promise<Packet | null> {
    const at = this.#packets.findIndex(isWanted);
    if (at >= 0) return Promise.resolve(this.#packets.splice(at, 1)[0]);
    if (this.#isClosed) return this.#failure === null ? Promise.resolve(null) : Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
      };
      const waiter: Waiter = {
        isWanted,
        resolve: (packet) => (end(), resolve(packet)),
        reject: (error) => (end(), reject(error)),
      };
      const timer = setTimeout(() => waiter.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      this.#waiters.push(waiter);
    });
  }

  /** The next packet of a type; rejects when the connection ends without one. */
  async expect<T extends PacketType>(type: T, timeoutMs?: number): Promise<PacketOf<T>> {
    const packet = await this.next((each) => each.type === type, timeoutMs);
    if (packet === null) throw new Error(`the broker closed the connection${this.#farewell()}`);
    return packet as PacketOf<T>;
  }

  #farewell(): string {
    const farewell = this.#packets.find(({ type }) => type === PacketType.DISCONNECT) as PacketOf<typeof PacketType.DISCONNECT> | undefined;
    return farewell === undefined ? '' : `: DISCONNECT ${reasonName(farewell.reasonCode)}`;
  }

  /** Sends CONNECT; null when the broker closes instead of an answer. */
  async connect(connect: Omit<ConnectPacket, 'type' | 'version'>): Promise<ConnackPacket | null> {
    this.send({ type: PacketType.CONNECT, version: this.version, ...connect });
    return (await this.next(({ type }) => type === PacketType.CONNACK)) as ConnackPacket | null;
  }

  /** Everything of this type that the broker had sent when it answered a PINGREQ. */
  async settle<T extends PacketType>(type: T): Promise<PacketOf<T>[]> {
    this.send({ type: PacketType.PINGREQ });
    await this.expect(PacketType.PINGRESP);
    const [taken, left] = [this.#packets.filter((each) => each.type === type), this.#packets.filter((each) => each.type !== type)];
    this.#packets = left;
    return taken as PacketOf<T>[];
  }

  async subscribe(filter: string, options: Partial<SubscribeRequest> = {}): Promise<SubackPacket> {
    const { subscriptionIdentifier, ...more } = options;
    const subscription = { filter, qos: 1 as const, noLocal: false, retainAsPublished: false, retainHandling: 0 as const, ...more };
    const packet: PacketOf<typeof PacketType.SUBSCRIBE> = {
      type: PacketType.SUBSCRIBE,
      packetId: this.packetId(),
      filters: [subscription],
    };
    if (subscriptionIdentifier !== undefined) packet.properties = { subscriptionIdentifier };
    this.send(packet);
    return this.expect(PacketType.SUBACK);
  }

  /** Sends a PUBLISH and waits for the end of its exchange. The answer is PUBACK's or PUBREC's reason code, 0 at QoS 0. */
  async publish(message: Partial<PublishPacket> & { readonly topic: string }): Promise<number> {
    const packet: PublishPacket = { ...plainPublish, packetId: this.packetId(), ...message };
    if (packet.qos === 0) packet.packetId = 0;
    this.send(packet);
    if (packet.qos === 0) return 0;
    const { reasonCode } = await this.expect(packet.qos === 1 ? PacketType.PUBACK : PacketType.PUBREC);
    if (packet.qos === 2 && reasonCode < 0x80) {
      this.send({ type: PacketType.PUBREL, packetId: packet.packetId, reasonCode: 0 });
      await this.expect(PacketType.PUBCOMP);
    }
    return reasonCode;
  }

  /** Says goodbye, and closes. */
  disconnect(sessionExpiryInterval?: number): void {
    if (this.#isClosed) return;
    const properties = sessionExpiryInterval === undefined || this.version < 5 ? {} : { properties: { sessionExpiryInterval } };
    this.send({ type: PacketType.DISCONNECT, reasonCode: 0, ...properties });
    this.#connection.end();
  }

  /** Cuts the connection, as a network failure does. */
  cut(): void {
    this.#connection.destroy();
  }

  [Symbol.dispose](): void {
    this.#connection.destroy();
  }

  onPacket(first: number, bytes: Buffer, body: number, end: number): void {
    const packet = decodePacket(this.version, first, bytes, body, end);
    const waiter = this.#waiters.find(({ isWanted }) => isWanted(packet));
    if (waiter !== undefined) waiter.resolve(packet);
    else if (this.#packets.push(packet) > PACKETS_MAX) this.#connection.destroy();
  }

  onReadEnd(): void {}

  onDrain(): void {}

  onClose(error: Error | null): void {
    this.#isClosed = true;
    // What a broker cuts off without a word is an answer too.
    this.#failure = error === null || (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? null : error;
    for (const waiter of this.#waiters.slice()) {
      if (this.#failure === null) waiter.resolve(null);
      else waiter.reject(this.#failure);
    }
  }
}

interface SubscribeRequest {
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  readonly subscriptionIdentifier: number;
}

const plainPublish: PublishPacket = {
  type: PacketType.PUBLISH,
  topic: '',
  payload: new Uint8Array(0),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 0,
};
