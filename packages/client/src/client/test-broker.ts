import { setImmediate as turn } from 'node:timers/promises';
import { decodePacket, encodePacket, FrameDecoder, PacketType, type Packet, type ProtocolVersion, type PublishPacket } from '@wrenmq/codec';
import { FakeClock } from '@wrenmq/testkit';
import { MqttError } from '#base/mqtt-error.ts';
import type { Surroundings } from '#base/surroundings.ts';
import type { Transport, TransportObserver, TransportOpener } from '#transport/transport.ts';
import type { ConnectOptions } from './connect-options.ts';
import { WrenClient } from './wren-client.ts';

/** One connection as a broker sees it, without a network. */
export class ScriptedConnection implements Transport {
  readonly url: URL;
  readonly packets: Packet[] = [];
  isPaused = false;
  isOpen = true;
  /** What the transport answers to `write`. */
  takesMore = true;
  version: ProtocolVersion = 5;
  readonly #observer: TransportObserver;
  readonly #decoder = new FrameDecoder<Uint8Array>((bytes) => new Uint8Array(bytes), 268_435_455);
  readonly #onPacket: (packet: Packet, connection: ScriptedConnection) => void;

  constructor(url: URL, observer: TransportObserver, onPacket: (packet: Packet, connection: ScriptedConnection) => void) {
    this.url = url;
    this.#observer = observer;
    this.#onPacket = onPacket;
  }

  write(chunk: Uint8Array): boolean {
    if (!this.isOpen) return true;
    this.#decoder.push(chunk, 0, chunk.length, {
      onFrame: (first, bytes, _start, body, end) => {
        const packet = decodePacket(this.version, first, bytes, body, end);
        if (packet.type === PacketType.CONNECT) this.version = packet.version;
        this.packets.push(packet);
        // What a network does: the answer comes later.
        setImmediate(() => this.isOpen && this.#onPacket(packet, this));
        return true;
      },
    });
    return this.takesMore;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(): void {
    this.#end(undefined);
  }

  destroy(): void {
    this.#end(undefined);
  }

  /** Packets of one type, in order. */
  of<T extends Packet['type']>(type: T): Array<Extract<Packet, { type: T }>> {
    return this.packets.filter((packet) => packet.type === type) as Array<Extract<Packet, { type: T }>>;
  }

  send(...packets: Packet[]): void {
    const chunks = packets.map((packet) => encodePacket(packet, this.version));
    this.#observer.onData(new Uint8Array(Buffer.concat(chunks)));
  }

  deliver(topic: string, packetId: number, more: Partial<PublishPacket> = {}): void {
    const qos = packetId === 0 ? 0 : 1;
    this.send({ type: PacketType.PUBLISH, topic, payload: new Uint8Array([65]), qos, retain: false, dup: false, packetId, ...more });
  }

  drain(): void {
    this.takesMore = true;
    this.#observer.onDrain();
  }

  /** The network breaks. */
  cut(): void {
    this.#end(new MqttError('DISCONNECTED', 'cut', { retryable: true }));
  }

  #end(error: Error | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    queueMicrotask(() => this.#observer.onClose(error));
  }
}

/** Says yes to everything, unless a test says otherwise. */
export class ScriptedBroker {
  readonly connections: ScriptedConnection[] = [];
  readonly clock = new FakeClock();
  readonly surroundings: Surroundings;
  random = 0.5;
  /** For the next attempts, each once: the transport does not open. */
  readonly refusals: Error[] = [];
  /** The transport neither opens nor fails. */
  isSilent = false;
  /** Returns true when it has taken the packet. */
  script: (packet: Packet, connection: ScriptedConnection) => boolean | void = () => false;
  sessionPresent = false;
  /** Timers do not run, as in a tab in the background. */
  timersSleep = false;

  constructor() {
    const { monotonicMs, wallMs } = this.clock;
    const after = (delayMs: number, callback: () => void): (() => void) => this.clock.after(delayMs, () => this.timersSleep || callback());
    this.surroundings = { monotonicMs, wallMs, after, random: () => this.random, soon: setImmediate };
  }

  get last(): ScriptedConnection {
    return this.connections.at(-1)!;
  }

  readonly open: TransportOpener = async ({ url, signal }, observer) => {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    if (this.isSilent)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new MqttError('ABORTED', 'given up'))));
    const connection = new ScriptedConnection(url, observer, (packet) => {
      if (this.script(packet, connection) !== true) this.#answer(packet, connection);
    });
    this.connections.push(connection);
    return connection;
  };

  client(options: ConnectOptions = {}, url = 'mqtt://broker.example'): WrenClient {
    return new WrenClient({ url, options: { clientId: 'c', keepAlive: 0, ...options }, open: this.open, surroundings: this.surroundings });
  }

  #answer(packet: Packet, connection: ScriptedConnection): void {
    const { packetId = 0 } = packet as { packetId?: number };
    const { type } = packet;
    if (type === PacketType.CONNECT) connection.send({ type: PacketType.CONNACK, sessionPresent: this.sessionPresent, reasonCode: 0 });
    if (type === PacketType.SUBSCRIBE)
      connection.send({ type: PacketType.SUBACK, packetId, reasonCodes: packet.filters.map(({ qos }) => qos) });
    if (type === PacketType.UNSUBSCRIBE) connection.send({ type: PacketType.UNSUBACK, packetId, reasonCodes: packet.filters.map(() => 0) });
    if (type === PacketType.PUBLISH && packet.qos === 1) connection.send({ type: PacketType.PUBACK, packetId, reasonCode: 0 });
    if (type === PacketType.PUBLISH && packet.qos === 2) connection.send({ type: PacketType.PUBREC, packetId, reasonCode: 0 });
    if (type === PacketType.PUBREL) connection.send({ type: PacketType.PUBCOMP, packetId, reasonCode: 0 });
    if (type === PacketType.PINGREQ) connection.send({ type: PacketType.PINGRESP });
  }
}

/** Lets what is under way in this process happen. */
export async function turns(count = 20): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn();
}

export const refused = (reasonCode: number): Packet => ({ type: PacketType.CONNACK, sessionPresent: false, reasonCode });
