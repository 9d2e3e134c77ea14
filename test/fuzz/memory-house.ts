import { type ConnectOptions, connectBytes, FakeClock, type ProtocolVersion, tempDirectory, type TempDirectory } from '@wrenmq/testkit';
import { accessSettingsOf } from '#root/packages/broker/src/boot/access-plan.ts';
import { Kernel } from '#root/packages/broker/src/boot/kernel.ts';
import type { Counters } from '#root/packages/broker/src/base/counters.ts';
import type { LogFields, Logger } from '#root/packages/broker/src/base/logger.ts';
import { loadConfig } from '#root/packages/broker/src/config/load-config.ts';
import { Connection } from '#root/packages/broker/src/connection/connection.ts';
import type { ConnectionServices } from '#root/packages/broker/src/connection/connection-services.ts';
import { Hooks } from '#root/packages/broker/src/hooks/hooks.ts';
import { MemoryClient, turns } from './memory-client.ts';

/** Everything of a broker but its listeners, with a clock that only the test moves: clients come over MemoryLinks. */
export class MemoryHouse implements AsyncDisposable {
  readonly clock = new FakeClock(Date.UTC(2030, 0, 1));
  /** What was logged as an error: none is the client's fault, so that none may be there. */
  readonly errors: unknown[] = [];
  /** The reason code with which new clients are refused, or 0. */
  refusal = 0;
  readonly #directory: TempDirectory;
  /** As large as the buffer that the real listeners read into. */
  readonly #read = Buffer.alloc(65_536);
  #kernel!: Kernel;
  #services!: ConnectionServices;
  #names = 0;

  private constructor(directory: TempDirectory) {
    this.#directory = directory;
  }

  static async open(settings: Readonly<Record<string, unknown>> = {}): Promise<MemoryHouse> {
    const house = new MemoryHouse(await tempDirectory());
    const { config } = loadConfig({ overrides: { durability: 'memory', dataDirectory: house.#directory.path, ...settings } });
    const log = house.#log();
    const fail = (error: unknown): void => void house.errors.push(error);
    const kernel = await Kernel.open({ config, log, clock: house.clock, hooks: new Hooks(log), onStoreFailed: fail });
    await kernel.access.load(accessSettingsOf(config));
    await kernel.load();
    kernel.releaseWills();
    kernel.table.start();
    kernel.startSweeping();
    house.#kernel = kernel;
    house.#services = kernel.connectionServices(
      config,
      { isLoopback: true, port: 1883 },
      {
        enter: () => (house.refusal === 0 ? null : { reasonCode: house.refusal, reason: 'the test says so' }),
        leave: () => {},
      },
    );
    return house;
  }

  get kernel(): Kernel {
    return this.#kernel;
  }

  get counters(): Counters {
    return this.#kernel.counters;
  }

  /** A connection on which nothing has been said. */
  client(version: ProtocolVersion = 5): MemoryClient {
    const client = new MemoryClient(version, this.#read);
    client.link.start(new Connection(client.link, this.#services));
    return client;
  }

  /** A client that has been let in, under a Client Identifier of its own unless one is given. */
  async connect(version: ProtocolVersion = 5, options: ConnectOptions = {}): Promise<MemoryClient> {
    const client = this.client(version);
    client.send(connectBytes(version, { clientId: this.name('client'), ...options }));
    const { reasonCode } = await client.packet('connack');
    if (reasonCode !== 0) throw new Error(`refused with 0x${reasonCode.toString(16)}`);
    return client;
  }

  /** A name that nobody else in this house has. */
  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** Ends every connection from the client's side, and waits until the broker knows. */
  async cutAll(): Promise<void> {
    for (const { link } of this.#kernel.table) (link as MemoryClient['link']).cut();
    await this.#kernel.table.whenEmpty();
    await turns();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutAll();
    await this.#kernel.close(false);
    await this.#directory.remove();
  }

  #log(): Logger {
    const keep = (fields: LogFields, message: string): void => void this.errors.push(fields['err'] ?? fields['error'] ?? message);
    return { debug() {}, info() {}, warn() {}, error: keep, fatal: keep };
  }
}
