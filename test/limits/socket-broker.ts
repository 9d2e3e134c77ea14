import { type Broker, createBroker } from '@wrenmq/broker';
import { FakeClock, tempDirectory, type TempDirectory, WireClient, type ProtocolVersion, type WireTarget } from '@wrenmq/testkit';

type Targets = ReadonlyMap<string, WireTarget & { readonly port: number }>;
type Settings = Readonly<Record<string, unknown>>;

/** A whole broker in this process on free ports, in memory, with a clock that only the test moves. */
export class SocketBroker implements AsyncDisposable {
  readonly broker: Broker;
  readonly clock: FakeClock;
  readonly #directory: TempDirectory;
  readonly #targets: Targets;

  private constructor(broker: Broker, clock: FakeClock, directory: TempDirectory, targets: Targets) {
    this.broker = broker;
    this.clock = clock;
    this.#directory = directory;
    this.#targets = targets;
  }

  /** `listeners` of the settings come beside the TCP listener; the other defaults stay shut unless they are named. */
  static async start({ listeners = {}, ...settings }: Settings = {}): Promise<SocketBroker> {
    const directory = await tempDirectory();
    const clock = new FakeClock(Date.UTC(2030, 0, 1));
    const off = { enabled: false };
    const broker = createBroker({
      clock,
      settings: {
        durability: 'memory',
        dataDirectory: directory.path,
        listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, tls: off, tls1884: off, wss: off, ...(listeners as object) },
        admin: off,
        sys: { interval: null, nodeInterval: null, heartbeatInterval: null, events: { clientConnected: false, clientDisconnected: false } },
        ...settings,
      },
    });
    const { listeners: bound } = await broker.start();
    const targets = new Map(bound.map(({ name, port }) => [name, { host: '127.0.0.1', port }]));
    return new SocketBroker(broker, clock, directory, targets);
  }

  target(listener = 'tcp'): WireTarget & { readonly port: number } {
    return this.#targets.get(listener)!;
  }

  async connect(clientId: string, version: ProtocolVersion = 5, listener = 'tcp'): Promise<WireClient> {
    const client = await WireClient.open(this.target(listener), version);
    await client.connect({ clientId });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.stop();
    await this.#directory.remove();
  }
}
