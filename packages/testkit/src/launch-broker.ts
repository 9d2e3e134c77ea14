import { join } from 'node:path';
import { LaunchedProcess, type ProcessEnd } from './launched-process.ts';
import { tempDirectory, type TempDirectory } from './temp-directory.ts';
import type { WireTarget } from './wire-transport.ts';

/** The root of the repository. */
export const repository: string = join(import.meta.dirname, '..', '..', '..');
/** The Node that runs the broker from its sources. */
export const nodeBinary: string = process.execPath;

export interface LaunchBrokerOptions {
  /** Settings in the form of `--set`: `{ 'listeners.tls.enabled': 'true' }`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** More arguments of `wrenmq start`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** An existing data directory, which is left alone at the end; a temporary one when absent. */
  readonly dataDirectory?: string;
  readonly readyTimeoutMs?: number;
}

export interface BoundListener {
  readonly kind: string;
  readonly address: string;
  readonly port: number;
}

interface ReadyLine {
  readonly ready: true;
  readonly pid: number;
  readonly listeners: Readonly<Record<string, BoundListener>>;
  readonly admin?: { readonly address: string; readonly port: number };
}

/** All listeners on loopback, each on a free port, so that brokers do not meet. */
const freePorts = {
  'listeners.tcp.bind': '127.0.0.1:0',
  'listeners.ws.bind': '127.0.0.1:0',
  'listeners.tls.bind': '127.0.0.1:0',
  'listeners.tls1884.bind': '127.0.0.1:0',
  'listeners.wss.bind': '127.0.0.1:0',
  'admin.bind': '127.0.0.1:0',
};

/** `wrenmq start` from the sources, in a process of its own. */
export class LaunchedBroker implements AsyncDisposable {
  readonly dataDirectory: string;
  readonly #options: LaunchBrokerOptions;
  readonly #temporary: TempDirectory | null;
  #process!: LaunchedProcess;
  #ready!: ReadyLine;

  private constructor(options: LaunchBrokerOptions, temporary: TempDirectory | null) {
    this.#options = options;
    this.#temporary = temporary;
    this.dataDirectory = options.dataDirectory ?? join(temporary!.path, 'data');
  }

  static async launch(options: LaunchBrokerOptions = {}): Promise<LaunchedBroker> {
    const temporary = options.dataDirectory === undefined ? await tempDirectory() : null;
    const broker = new LaunchedBroker(options, temporary);
    try {
      await broker.start();
      return broker;
    } catch (error) {
      await temporary?.remove();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What the broker wrote, for the message of a failing test. */
  get output(): string {
    return this.#process.output;
  }

  get listeners(): Readonly<Record<string, BoundListener>> {
    return this.#ready.listeners;
  }

  /** The file of the authority that signed the certificate which the broker made for itself. */
  get certificateAuthority(): string {
    return join(this.dataDirectory, 'tls', 'ca.pem');
  }

  get admin(): { readonly address: string; readonly port: number } | undefined {
    return this.#ready.admin;
  }

  get whenEnded(): Promise<ProcessEnd> {
    return this.#process.whenEnded;
  }

  /** Where the listener of this name can be reached. */
  target(name = 'tcp'): WireTarget & { readonly host: string; readonly port: number } {
    const listener = this.listeners[name];
    if (listener === undefined) throw new Error(`the broker has no listener ${name}: ${Object.keys(this.listeners).join(', ')}`);
    const place = { host: listener.address, port: listener.port };
    // A Unix socket has a path for its address.
    if (listener.port === 0) return { ...place, path: listener.address };
    return listener.kind.startsWith('ws') ? { ...place, webSocketPath: '/mqtt' } : place;
  }

  /** Starts it (again) on its data directory; the ports may differ from those before. */
  async start(): Promise<void> {
    const settings = Object.entries({ ...freePorts, ...this.#options.settings }).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
    this.#process = await LaunchedProcess.launch({
      command: nodeBinary,
      args: [
        '--conditions=@wrenmq/source',
        main,
        'start',
        '--print-ready',
        '--data',
        this.dataDirectory,
        ...settings,
        ...(this.#options.args ?? []),
      ],
      env: { ...process.env, ...this.#options.env },
      isReady: (line) => this.#readReady(line),
      timeoutMs: this.#options.readyTimeoutMs ?? 30_000,
    });
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessEnd> {
    return this.#process.kill(signal);
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  /** Ends it with this signal and starts it again on the same data. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Ends it and removes its temporary data. */
  async close(): Promise<void> {
    await this.kill('SIGTERM');
    await this.#temporary?.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #readReady(line: string): boolean {
    if (!line.startsWith('{"ready":true')) return false;
    this.#ready = JSON.parse(line) as ReadyLine;
    return true;
  }
}

export function launchBroker(options: LaunchBrokerOptions = {}): Promise<LaunchedBroker> {
  return LaunchedBroker.launch(options);
}
