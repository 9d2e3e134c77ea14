import { AssertionError } from 'node:assert';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  acknowledgementBytes,
  byte,
  encodeProperties,
  frame,
  type Properties,
  publishBytes,
  type PublishOptions,
  readPacket,
  splitPacket,
  uint16,
  type Acknowledgement,
  type Publish,
} from '@wrenmq/testkit';

/** How long a script waits for what must come: only that of a failing test waits so long. */
const patienceMs = 10_000;

export interface SubscribePacket {
  readonly type: 'subscribe';
  readonly packetId: number;
  readonly filters: readonly string[];
  /** 0: none. */
  readonly subscriptionIdentifier: number;
}

/** A packet as a client sends it, as far as the scripts look at it. */
export type ClientPacket =
  | Publish
  | Acknowledgement
  | SubscribePacket
  | { readonly type: 'connect' | 'unsubscribe' | 'pingreq' | 'disconnect' };

type PacketOf<T extends ClientPacket['type']> = Extract<ClientPacket, { readonly type: T }>;

function readClientPacket(raw: Buffer): ClientPacket {
  const type = raw[0] >> 4;
  if (type === 1) return { type: 'connect' };
  if (type === 8) return readSubscribe(raw);
  if (type === 10) return { type: 'unsubscribe' };
  if (type === 12) return { type: 'pingreq' };
  if (type === 14) return { type: 'disconnect' };
  // What client and server both send has one form.
  return readPacket(5, raw) as Publish | Acknowledgement;
}

function readSubscribe(raw: Buffer): SubscribePacket {
  let position = 1;
  const readVariable = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const digit = raw[position++];
      value += (digit & 0x7f) * shift;
      if (digit < 0x80) return value;
    }
  };
  readVariable();
  const packetId = raw.readUInt16BE(position);
  position += 2;
  const propertiesEnd = readVariable() + position;
  const subscriptionIdentifier = propertiesEnd > position && raw[position++] === 0x0b ? readVariable() : 0;
  const filters: string[] = [];
  for (position = propertiesEnd; position < raw.length;) {
    const end = position + 2 + raw.readUInt16BE(position);
    filters.push(raw.toString('utf8', position + 2, end));
    position = end + 1;
  }
  return { type: 'subscribe', packetId, filters, subscriptionIdentifier };
}

/** One connection of a client, MQTT 5. Nothing is answered but what a script answers, and PINGREQ. */
export class ScriptedLine {
  /** Everything that came, in order; `closed` at the end. */
  readonly #packets: ClientPacket[] = [];
  readonly #socket: Socket;
  #taken = 0;
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    let bytes: Buffer = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let split = splitPacket(bytes); split !== null; split = splitPacket(bytes)) {
        bytes = split.rest;
        this.#offer(readClientPacket(split.packet));
      }
    });
    socket.once('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** The next packet; null when the connection has ended. */
  async next(): Promise<ClientPacket | null> {
    while (this.#taken === this.#packets.length) {
      if (this.#isClosed) return null;
      await bounded(new Promise<void>((resolve) => (this.#wake = resolve)), 'a packet');
    }
    return this.#packets[this.#taken++];
  }

  /** Everything up to the first packet of this type (for which `isIt` holds), that included. */
  async until<T extends ClientPacket['type']>(type: T, isIt: (packet: PacketOf<T>) => boolean = () => true): Promise<ClientPacket[]> {
    const packets: ClientPacket[] = [];
    for (;;) {
      const packet = await this.next();
      if (packet === null) throw new AssertionError({ message: `the client closed instead of ${type}: ${JSON.stringify(packets)}` });
      packets.push(packet);
      if (packet.type === type && isIt(packet as PacketOf<T>)) return packets;
    }
  }

  /** The next packet of this type, whatever comes before. */
  async take<T extends ClientPacket['type']>(type: T): Promise<PacketOf<T>> {
    return (await this.until(type)).at(-1) as PacketOf<T>;
  }

  /** Accepts the client, whose CONNECT must come first. */
  async accept(sessionPresent: boolean, properties?: Properties): Promise<void> {
    await this.take('connect');
    this.send(frame(0x20, byte(sessionPresent ? 1 : 0), byte(0), encodeProperties(properties)));
  }

  send(...packets: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(packets));
  }

  grant({ packetId }: SubscribePacket, ...reasonCodes: readonly number[]): void {
    this.send(frame(0x90, uint16(packetId), encodeProperties(), Buffer.from(reasonCodes)));
  }

  acknowledge(name: 'puback' | 'pubrec' | 'pubcomp', { packetId }: { readonly packetId: number }, reasonCode?: number): void {
    this.send(acknowledgementBytes(name, packetId, reasonCode));
  }

  deliver(message: PublishOptions): void {
    this.send(publishBytes(5, message));
  }

  /** The network breaks. */
  cut(): void {
    this.#socket.destroy();
  }

  #offer(packet: ClientPacket): void {
    if (packet.type === 'pingreq') this.send(frame(0xd0));
    this.#packets.push(packet);
    this.#wake();
  }
}

/** A broker on 127.0.0.1 that does what a script says, connection by connection. */
export class ScriptedTcpBroker implements AsyncDisposable {
  readonly #server: Server;
  readonly #lines: ScriptedLine[] = [];
  #taken = 0;
  #wake: () => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#lines.push(new ScriptedLine(socket));
      this.#wake();
    });
  }

  static async start(): Promise<ScriptedTcpBroker> {
    const broker = new ScriptedTcpBroker(createServer());
    await new Promise<void>((resolve) => broker.#server.listen(0, '127.0.0.1', resolve));
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next connection. */
  async line(): Promise<ScriptedLine> {
    while (this.#taken === this.#lines.length) await bounded(new Promise<void>((resolve) => (this.#wake = resolve)), 'a connection');
    return this.#lines[this.#taken++];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.#lines) line.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Not longer than a script's patience. */
export async function bounded<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AssertionError({ message: `${what} did not come within ${patienceMs} ms` })), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
