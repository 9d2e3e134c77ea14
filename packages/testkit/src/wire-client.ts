import { AssertionError } from 'node:assert';
import { readPacket, splitPacket, type Acknowledgement, type Connack, type Publish, type ServerPacket } from './packet-reader.ts';
import {
  acknowledgementBytes,
  connectBytes,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
  type AcknowledgementName,
  type ConnectOptions,
  type ProtocolVersion,
  type PublishOptions,
  type SubscriptionRequest,
} from './packet-writer.ts';
import type { Properties } from './properties.ts';
import { openTransport, type WireTarget, type WireTransport } from './wire-transport.ts';

/** How long a test waits for something that must happen: only a failing test ever waits so long. */
const patienceMs = 10_000;

type PacketOf<T extends ServerPacket['type'], P = ServerPacket> = P extends { readonly type: infer U } ? (T extends U ? P : never) : never;
type Waiter = { readonly resolve: (packet: ServerPacket | null) => void; readonly reject: (error: Error) => void };

/**
 * An MQTT client that does nothing by itself: it sends the bytes it is given and hands out what comes, in order. Nothing
 * is acknowledged, answered or kept alive unless a test says so. Every packet that comes is checked against the standard.
 */
export class WireClient {
  readonly version: ProtocolVersion;
  /** Settles when the connection is closed, whoever closed it. */
  readonly whenClosed: Promise<void>;
  /** Everything that came, also what `next` has handed out. */
  readonly received: ServerPacket[] = [];
  #transport!: WireTransport;
  #bytes: Buffer = Buffer.alloc(0);
  #packets: ServerPacket[] = [];
  #waiters: Waiter[] = [];
  #violation: Error | null = null;
  #isClosed = false;
  #packetId = 0;
  #onClosed!: () => void;

  private constructor(version: ProtocolVersion) {
    this.version = version;
    this.whenClosed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  /** Connects the transport; no MQTT is spoken yet. */
  static async open(target: WireTarget, version: ProtocolVersion = 5): Promise<WireClient> {
    const client = new WireClient(version);
    client.#transport = await openTransport(target, {
      onBytes: (bytes) => client.#take(bytes),
      onClose: () => client.#close(),
    });
    return client;
  }

  /** The transport below: to end, cut, pause, or send WebSocket frames. */
  get transport(): WireTransport {
    return this.#transport;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(...packets: readonly Buffer[]): void {
    this.#transport.write(packets.length === 1 ? packets[0] : Buffer.concat(packets));
  }

  /** Cuts the connection without a DISCONNECT, as a network failure does, and waits until it is cut. */
  async cut(): Promise<void> {
    this.#transport.destroy();
    await this.whenClosed;
  }

  /** A Packet Identifier that this client has not used yet. */
  packetId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1;
    return this.#packetId;
  }

  /** The next packet; rejects when the connection closes, the packet is broken, or nothing comes in time. */
  async next(timeoutMs: number = patienceMs): Promise<ServerPacket> {
    const packet = await this.#nextOrEnd(timeoutMs);
    if (packet === null) throw new AssertionError({ message: 'the connection was closed instead of a packet' });
    return packet;
  }

  /** The next packet, which must be of this type. */
  async expect<T extends ServerPacket['type']>(type: T, timeoutMs: number = patienceMs): Promise<PacketOf<T>> {
    const packet = await this.next(timeoutMs).catch((error: unknown) => {
      throw new AssertionError({ message: `expected ${type}: ${(error as Error).message}` });
    });
    if (packet.type !== type) throw new AssertionError({ message: `expected ${type}, got ${describe(packet)}` });
    return packet as PacketOf<T>;
  }

  /** The packet of this type for this Packet Identifier; packets that come before it are left to take, in their order. */
  async expectFor(type: AcknowledgementName, packetId: number): Promise<Acknowledgement> {
    const passed: ServerPacket[] = [];
    try {
      for (;;) {
        const packet = await this.next().catch((error: unknown) => {
          throw new AssertionError({ message: `expected ${type} for ${packetId}: ${(error as Error).message}` });
        });
        if (packet.type === type && packet.packetId === packetId) return packet;
        passed.push(packet);
      }
    } finally {
      this.#packets = [...passed, ...this.#packets];
    }
  }

  /** The broker closes, and sends nothing before. */
  async expectClose(timeoutMs: number = patienceMs): Promise<void> {
    const packet = await this.#nextOrEnd(timeoutMs);
    if (packet !== null) throw new AssertionError({ message: `expected the connection to close, got ${describe(packet)}` });
  }

  /** The broker refuses: DISCONNECT with this Reason Code in MQTT 5, then the end; before MQTT 5 only the end. */
  async expectDisconnect(reasonCode: number): Promise<void> {
    if (this.version === 5) {
      const packet = await this.expect('disconnect');
      if (packet.reasonCode !== reasonCode) {
        throw new AssertionError({ message: `expected DISCONNECT ${hex(reasonCode)}, got ${hex(packet.reasonCode)}` });
      }
    }
    await this.expectClose();
  }

  /** Everything that the broker had sent up to now has been taken: nothing but the answer to a PINGREQ is left. */
  async expectNothing(): Promise<void> {
    this.send(pingreqBytes());
    const packet = await this.next();
    if (packet.type !== 'pingresp') throw new AssertionError({ message: `expected nothing, got ${describe(packet)}` });
  }

  /** CONNECT and its CONNACK, which must accept. */
  async connect(options: ConnectOptions = {}): Promise<Connack> {
    this.send(connectBytes(this.version, options));
    const connack = await this.expect('connack');
    if (connack.reasonCode !== 0) throw new AssertionError({ message: `refused with ${hex(connack.reasonCode)}` });
    return connack;
  }

  /** SUBSCRIBE and its SUBACK; returns the Reason Codes. Retained messages that come after it are left to take. */
  async subscribe(
    requests: string | SubscriptionRequest | readonly SubscriptionRequest[],
    properties?: Properties,
  ): Promise<readonly number[]> {
    const packetId = this.packetId();
    const list = typeof requests === 'string' ? [{ filter: requests, qos: 2 as const }] : [requests].flat();
    this.send(subscribeBytes(this.version, packetId, list, properties));
    const suback = await this.expect('suback');
    if (suback.packetId !== packetId) throw new AssertionError({ message: `SUBACK is for ${suback.packetId}, not ${packetId}` });
    return suback.reasonCodes;
  }

  /** UNSUBSCRIBE and its UNSUBACK; returns the Reason Codes. */
  async unsubscribe(...filters: readonly string[]): Promise<readonly number[]> {
    const packetId = this.packetId();
    this.send(unsubscribeBytes(this.version, packetId, filters));
    const unsuback = await this.expect('unsuback');
    if (unsuback.packetId !== packetId) throw new AssertionError({ message: `UNSUBACK is for ${unsuback.packetId}, not ${packetId}` });
    return unsuback.reasonCodes;
  }

  /** PUBLISH with the whole exchange of its QoS; returns the Reason Code of PUBACK or PUBREC, 0 at QoS 0. */
  async publish(options: PublishOptions): Promise<number> {
    const qos = options.qos ?? 0;
    const packetId = options.packetId ?? this.packetId();
    this.send(publishBytes(this.version, { ...options, packetId }));
    if (qos === 0) return 0;
    const answer = await this.expectFor(qos === 1 ? 'puback' : 'pubrec', packetId);
    if (qos === 2 && answer.reasonCode < 0x80) {
      this.send(acknowledgementBytes('pubrel', packetId));
      await this.expectFor('pubcomp', packetId);
    }
    return answer.reasonCode;
  }

  /** The next packet is a PUBLISH; its exchange is completed. */
  async receive(timeoutMs: number = patienceMs): Promise<Publish> {
    const message = await this.expect('publish', timeoutMs);
    await this.acknowledge(message);
    return message;
  }

  /** Completes the exchange of a PUBLISH that was received. */
  async acknowledge(message: Publish): Promise<void> {
    if (message.qos === 1) this.send(acknowledgementBytes('puback', message.packetId));
    if (message.qos !== 2) return;
    this.send(acknowledgementBytes('pubrec', message.packetId));
    await this.expectFor('pubrel', message.packetId);
    this.send(acknowledgementBytes('pubcomp', message.packetId));
  }

  #nextOrEnd(timeoutMs: number): Promise<ServerPacket | null> {
    const packet = this.#packets.shift();
    if (packet !== undefined) return Promise.resolve(packet);
    if (this.#violation !== null) return Promise.reject(this.#violation);
    if (this.#isClosed) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== entry);
        reject(new AssertionError({ message: `nothing came within ${timeoutMs} ms` }));
      }, timeoutMs);
      const entry: Waiter = {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.push(entry);
    });
  }

  #take(bytes: Buffer): void {
    if (this.#violation !== null) return;
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    try {
      for (let split = splitPacket(this.#bytes); split !== null; split = splitPacket(this.#bytes)) {
        this.#bytes = split.rest;
        this.#offer(readPacket(this.version, split.packet));
      }
    } catch (error) {
      this.#violation = error as Error;
      for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#violation);
    }
  }

  #offer(packet: ServerPacket): void {
    this.received.push(packet);
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#packets.push(packet);
    else waiter.resolve(packet);
  }

  #close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(null);
    this.#onClosed();
  }
}

function describe(packet: ServerPacket): string {
  const { raw, ...fields } = packet;
  return `${JSON.stringify(fields).slice(0, 300)} (${raw.subarray(0, 64).toString('hex')})`;
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}
