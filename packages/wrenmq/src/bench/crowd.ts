import { randomBytes } from 'node:crypto';
import { type ConnectPacket, PacketType, reasonName } from '@wrenmq/codec';
import { connectSession } from '#wire/connect-session.ts';
import type { WireBroker } from '#wire/wire-broker.ts';
import { LoadBuffers, LoadClient, type LoadClientOptions, type LoadObserver } from './load-client.ts';
import { Stamp } from './stamp.ts';

/** Connections from one local address: there are no more than 64 Ki ports, and the system keeps a part of them. */
const PER_ADDRESS = 20_000;
/** Seconds for durable sessions, which the run takes away itself: this is for the case that it cannot. */
const EXPIRY = 3600;

/** What all workers of a run have in common. */
export interface RunIdentity {
  /** By which its messages and client ids are known. */
  readonly run: number;
  /** What the broker speaks. */
  readonly version: 4 | 5;
}

/** Finds out what the broker speaks. */
export async function identifyRun(broker: WireBroker): Promise<RunIdentity> {
  const { session } = await connectSession(broker);
  session.disconnect();
  return { run: randomBytes(4).readUInt32LE() || 1, version: session.version as 4 | 5 };
}

/** The clients of one worker in a run. */
export class Crowd {
  readonly broker: WireBroker;
  readonly version: 4 | 5;
  readonly run: number;
  readonly #buffers = new LoadBuffers(new Stamp());
  readonly #options: Omit<LoadClientOptions, 'version'>;
  readonly #durable = new Set<string>();
  readonly #clients = new Set<LoadClient>();

  constructor(broker: WireBroker, { run, version }: RunIdentity, options: Omit<LoadClientOptions, 'version'>) {
    this.broker = broker;
    this.run = run;
    this.version = version;
    this.#options = options;
  }

  create(index: number, observer: LoadObserver): LoadClient {
    const client = new LoadClient(index, { ...this.#options, version: this.version }, observer, this.#buffers);
    this.#clients.add(client);
    return client;
  }

  /** Connects a client; rejects with what the broker, or the system, says. Tells whether the broker had its session. */
  async connect(client: LoadClient, isDurable: boolean): Promise<boolean> {
    const packet = this.#connectPacket(this.#clientId(client.index), isDurable);
    if (isDurable) this.#durable.add(packet.clientId);
    const connack = await client.connect(this.#target(client.index), packet).catch((error: NodeJS.ErrnoException) => {
      this.cut(client);
      throw error.code === 'EMFILE' ? new Error('too many open files: raise the limit with ulimit -n') : error;
    });
    if (connack === null) throw new Error('closed by the broker without an answer');
    if (connack.reasonCode === 0) return connack.sessionPresent;
    this.cut(client);
    throw new Error(`refused by the broker: ${this.version === 5 ? reasonName(connack.reasonCode) : `return code ${connack.reasonCode}`}`);
  }

  leave(client: LoadClient): void {
    client.leave();
    this.#clients.delete(client);
  }

  /** As the network does it: the broker is told nothing. */
  cut(client: LoadClient): void {
    client.destroy();
    this.#clients.delete(client);
  }

  /** Everybody leaves; durable sessions end. */
  async disperse(): Promise<void> {
    for (const client of this.#clients) client.leave();
    // In MQTT 5 a session ends with its DISCONNECT; before, only a clean one takes its place.
    if (this.version === 5) return;
    for (const clientId of this.#durable) {
      const { session } = await connectSession({ ...this.broker, version: 4, clientId });
      session.disconnect();
    }
  }

  #connectPacket(clientId: string, isDurable: boolean): ConnectPacket {
    const { credentials } = this.broker;
    const properties = isDurable && this.version === 5 ? { properties: { sessionExpiryInterval: EXPIRY } } : {};
    // A load sends no PINGREQ.
    return {
      type: PacketType.CONNECT,
      version: this.version,
      clientId,
      cleanStart: !isDurable,
      keepAlive: 0,
      ...credentials,
      ...properties,
    };
  }

  #clientId(index: number): string {
    return `${this.broker.clientId ?? 'wrenmq-bench-'}${this.run.toString(36)}-${index}`;
  }

  /** Loopback has many addresses, and each has its own ports. */
  #target(index: number): WireBroker['target'] {
    const { target } = this.broker;
    const spread = Math.floor(index / PER_ADDRESS);
    if (spread === 0 || target.url.hostname !== '127.0.0.1') return target;
    return { ...target, localAddress: `127.0.0.${1 + spread}` };
  }
}
