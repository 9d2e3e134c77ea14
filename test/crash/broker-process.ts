import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, nodeBinary, repository, type WireTarget } from '@wrenmq/testkit';

/** Which broker is put to the test. */
export type Target = 'wrenmq' | 'mosquitto';

const mosquittoBinary = '/usr/sbin/mosquitto';
export const hasMosquitto: boolean = existsSync(mosquittoBinary);

/** What is kept of a broker's output. */
const OUTPUT_CHARACTERS_MAX = 32 * 1024;
/** A start takes so long at most, on a machine that is busy with other things. */
const READY_TIMEOUT_MS = 60_000;

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

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
  readonly pid: number;
  readonly whenEnded: Promise<ProcessEnd>;
  /** Settles when it serves, or has ended instead. */
  readonly whenReady: Promise<StartResult>;
  /** Where it listens, once it is ready. */
  wire!: WireTarget & { readonly host: string; readonly port: number };
  /** Where it serves metrics, if it does. */
  adminPort = 0;
  output = '';
  /** Lines that tell of an error. */
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  #hasEnded = false;

  private constructor(child: ChildProcess, isReady: (line: string, broker: BrokerProcess) => boolean) {
    this.#child = child;
    this.pid = child.pid!;
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    this.whenEnded = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        process.off('exit', killAtExit);
        this.#hasEnded = true;
        resolve({ code, signal });
      });
    });
    const ready = new Promise<'ready'>((resolve) => {
      this.#watch((line) => {
        if (isReady(line, this)) resolve('ready');
      });
    });
    const deadline = setTimeout(() => void this.kill('SIGKILL'), READY_TIMEOUT_MS);
    this.whenReady = Promise.race([ready, this.whenEnded]).finally(() => clearTimeout(deadline));
  }

  static async start(place: BrokerPlace): Promise<BrokerProcess> {
    await mkdir(place.directory, { recursive: true });
    return place.target === 'wrenmq' ? startWrenmq(place) : startMosquitto(place);
  }

  static spawn(
    command: string,
    args: readonly string[],
    isReady: (line: string, broker: BrokerProcess) => boolean,
  ): Promise<BrokerProcess> {
    // Others use the machine too; `nice` becomes the program, under the same process id.
    const child = spawn('nice', ['-n', '5', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(new BrokerProcess(child, isReady)));
    });
  }

  /** What it wrote last, for a message. */
  get lastWords(): string {
    return this.output.slice(-2000);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  kill(signal: NodeJS.Signals): Promise<ProcessEnd> {
    if (!this.#hasEnded) this.#child.kill(signal);
    return this.whenEnded;
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #watch(onLine: (line: string) => void): void {
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        this.output = (this.output + text).slice(-OUTPUT_CHARACTERS_MAX);
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) {
          if (/"level":"(error|fatal)"/.test(line)) this.errors.push(line);
          onLine(line);
        }
      });
    }
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
