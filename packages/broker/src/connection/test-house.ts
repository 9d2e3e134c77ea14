import { decodePacket, encodePacket, FrameDecoder, type Packet, PublishFrame, type ProtocolVersion } from '@wrenmq/codec';
import { silentLogger } from '#base/logger.ts';
import type { Link, LinkHandler } from '#listeners/link.ts';
import type { Capabilities } from '#port/capabilities.ts';
import { everything, TestHouse as PortHouse } from '#port/test-house.ts';
import { TopicDirectory } from '#port/topic-directory.ts';
import { turns } from '#session/test-house.ts';
import { ChunkPool } from './chunk-pool.ts';
import { Connection } from './connection.ts';
import type { ConnectionLimits, ConnectionServices, ServerFacts } from './connection-services.ts';
import { ConnectionTable } from './connection-table.ts';
import { Flusher } from './flusher.ts';
import { PublishWriter } from './publish-writer.ts';

/** A byte stream in memory: notes what is written, and takes it or not, as the test says. */
export class TestLink implements Link {
  readonly listener = 'tcp.default';
  readonly transport = 'tcp';
  readonly peer = { address: '127.0.0.1', port: 1234 };
  readonly tls = null;
  /** False: the operating system takes nothing. */
  isTaking = true;
  isPaused = false;
  isEnded = false;
  isDestroyed = false;
  readonly writes: Buffer[] = [];
  #kept: Buffer[] = [];

  get pendingBytes(): number {
    return this.#kept.reduce((sum, { length }) => sum + length, 0);
  }

  start(_handler: LinkHandler): void {}

  write(bytes: Buffer): boolean {
    this.writes.push(Buffer.from(bytes));
    if (!this.isTaking) this.#kept.push(bytes);
    return this.isTaking;
  }

  /** The operating system has taken everything; the caller tells the handler. */
  drain(): void {
    this.isTaking = true;
    this.#kept = [];
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** Everything that was written since the last call. */
  take(): Buffer {
    return Buffer.concat(this.writes.splice(0));
  }
}

const generousLimits: ConnectionLimits = {
  packetBytesMax: 1_000_000,
  connectPacketBytesMax: 100_000,
  clientIdBytesMax: 100,
  outboxBytesMax: 1_000_000,
  receiveMaximum: 20,
  awaitingPubrelMax: 20,
  topicAliasMaximum: 10,
  keepAliveMultiplier: 1.5,
  serverKeepAlive: null,
  keepAliveMax: null,
  expiryIntervalDefault: 7200,
  expiryIntervalMax: 0xffffffff,
  connectTimeoutMs: 10_000,
  sendTimeoutMs: 30_000,
};

export interface TestHouseOptions {
  readonly limits?: Partial<ConnectionLimits>;
  readonly capabilities?: Partial<Capabilities>;
  readonly server?: Partial<ServerFacts>;
}

/** Connections on links in memory, with the port's house behind them. */
export class TestHouse {
  readonly below: PortHouse;
  readonly services: ConnectionServices;
  /** The reason code with which new clients are refused, or 0. */
  refusal = 0;

  private constructor(below: PortHouse, { limits, capabilities, server }: TestHouseOptions) {
    const { clock, counters, committer } = below.base;
    const offered = { ...everything, ...capabilities };
    this.below = below;
    this.services = {
      port: below.port,
      topics: new TopicDirectory(below.router, offered),
      committer,
      clock,
      counters,
      log: silentLogger,
      hooks: below.hooks,
      outbox: { pool: new ChunkPool(), flusher: new Flusher(), counters },
      writer: new PublishWriter(clock),
      frame: new PublishFrame(),
      table: new ConnectionTable(clock),
      capabilities: offered,
      limits: { ...generousLimits, ...limits },
      server: { responseInformation: null, serverReference: null, ...server },
      listener: { isLoopback: true, port: 1883 },
      entrance: {
        enter: () => (this.refusal === 0 ? null : { reasonCode: this.refusal, reason: 'the test says so' }),
        leave: () => {},
      },
      assignClientId: () => 'assigned',
    };
  }

  static async open(options: TestHouseOptions = {}): Promise<TestHouse> {
    const house = new TestHouse(await PortHouse.open(options.capabilities), options);
    house.below.authenticator.admitsAll = true;
    return house;
  }

  client(version: ProtocolVersion): TestClient {
    return new TestClient(version, this.services);
  }
}

/** A client that speaks to a connection in packets. */
export class TestClient {
  readonly link = new TestLink();
  readonly connection: Connection;
  readonly version: ProtocolVersion;
  readonly #decoder: FrameDecoder<Buffer>;
  #packets: Packet[] = [];

  constructor(version: ProtocolVersion, services: ConnectionServices) {
    this.version = version;
    this.connection = new Connection(this.link, services);
    this.#decoder = new FrameDecoder((bytes) => Buffer.alloc(bytes), 10_000_000);
  }

  send(...packets: readonly Packet[]): void {
    const bytes = Buffer.concat(packets.map((packet) => encodePacket(packet, this.version)));
    this.connection.onBytes(bytes, 0, bytes.length);
  }

  /** What the broker has answered since the last call, when all that it waits for has happened. */
  async answers(): Promise<Packet[]> {
    await turns(10);
    const bytes = this.link.take();
    this.#packets = [];
    this.#decoder.push(bytes, 0, bytes.length, this);
    return this.#packets;
  }

  onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
    this.#packets.push(decodePacket(this.version, first, bytes, body, end));
    return true;
  }
}
