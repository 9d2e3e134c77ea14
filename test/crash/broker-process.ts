import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, LaunchedProcess, nodeBinary, type ProcessEnd, repository, type WireTarget } from '@wrenmq/testkit';

/** Which broker is put to the test. */
export type Target = 'wrenmq' | 'mosquitto';

const mosquittoBinary = '/usr/sbin/mosquitto';
export const hasMosquitto: boolean = existsSync(mosquittoBinary);

/** A start takes so long at most, on a machine that is busy with other things. */
const READY_TIMEOUT_MS = 60_000;

/** What can be told of a broker's start. */
export type StartResult = 'ready' | ProcessEnd;

export interface BrokerPlace {
  readonly target: Target;
  readonly directory: string;
  /** Settings of wrenmq (`--set`), or lines of mosquitto's configuration. */
  readonly settings?: Readonly<Record<string, string>>;
}

const quietListeners = ['ws', 'tls', 'tls1884', 'wss'].flatMap((name) => ['--set', `listeners.${name}.enabled=false`]);

/** A broker in a process of its own, which may be killed at any moment, also before it is ready. */
export class BrokerProcess {
  /** Settles when it serves, or has ended instead. */
  whenReady!: Promise<StartResult>;
  /** Where it listens, once it is ready. */
  wire!: WireTarget & { readonly host: string; readonly port: number };
  /** Where it serves metrics, if it does. */
  adminPort = 0;
  /** Lines that tell of an error. */
  readonly errors: string[] = [];
  #process!: LaunchedProcess;

  static async start(place: BrokerPlace): Promise<BrokerProcess> {
    await mkdir(place.directory, { recursive: true });
    return place.target === 'wrenmq' ? startWrenmq(place) : startMosquitto(place);
  }

  static async spawn(
    command: string,
    args: readonly string[],
    isReady: (line: string, broker: BrokerProcess) => boolean,
  ): Promise<BrokerProcess> {
    const broker = new BrokerProcess();
    const { promise: ready, resolve: tellReady } = Promise.withResolvers<'ready'>();
    broker.#process = await LaunchedProcess.start({
      // Others use the machine too; `nice` becomes the program, under the same process id.
      command: 'nice',
      args: ['-n', '5', command, ...args],
      onLine: (line) => {
        if (/"level":"(error|fatal)"/.test(line)) broker.errors.push(line);
        if (isReady(line, broker)) tellReady('ready');
      },
    });
    const deadline = setTimeout(() => void broker.kill('SIGKILL'), READY_TIMEOUT_MS);
    broker.whenReady = Promise.race([ready, broker.whenEnded]).finally(() => clearTimeout(deadline));
    return broker;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get whenEnded(): Promise<ProcessEnd> {
    return this.#process.whenEnded;
  }

  get output(): string {
    return this.#process.output;
  }

  /** What it wrote last, for a message. */
  get lastWords(): string {
    return this.output.slice(-2000);
  }

  get hasEnded(): boolean {
    return this.#process.hasEnded;
  }

  kill(signal: NodeJS.Signals): Promise<ProcessEnd> {
    return this.#process.kill(signal);
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }
}

function startWrenmq({ directory, settings = {} }: BrokerPlace): Promise<BrokerProcess> {
  const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
  const binds = ['--set', 'listeners.tcp.bind=127.0.0.1:0', '--set', 'admin.bind=127.0.0.1:0', ...quietListeners];
  const own = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const args = ['--conditions=@wrenmq/source', main, 'start', '--print-ready', '--data', join(directory, 'data'), ...binds, ...own];
  return BrokerProcess.spawn(nodeBinary, args, (line, broker) => {
    if (!line.startsWith('{"ready":true')) return false;
    const { listeners, admin } = JSON.parse(line) as { listeners: { tcp: { address: string; port: number } }; admin?: { port: number } };
    broker.wire = { host: listeners.tcp.address, port: listeners.tcp.port };
    broker.adminPort = admin?.port ?? 0;
    return true;
  });
}

async function startMosquitto({ directory, settings = {} }: BrokerPlace): Promise<BrokerProcess> {
  const port = await freePort();
  const lines = {
    allow_anonymous: 'true',
    persistence: 'true',
    persistence_location: `${directory}/`,
    user: process.getuid?.() === 0 ? 'root' : 'mosquitto',
    ...settings,
    listener: `${port} 127.0.0.1`,
  };
  const file = join(directory, 'mosquitto.conf');
  await writeFile(
    file,
    Object.entries(lines)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  );
  const broker = await BrokerProcess.spawn(mosquittoBinary, ['-v', '-c', file], (line) => line.endsWith(' running'));
  broker.wire = { host: '127.0.0.1', port };
  return broker;
}
