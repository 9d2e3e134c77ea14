import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, launchBroker, LaunchedProcess, repository, tempDirectory } from '@wrenmq/testkit';

export type ContenderName = 'wrenmq' | 'mosquitto' | 'ceiling';

/** The broker under load has one core, everything that loads it another. */
export const BROKER_CORE = 0;
export const LOAD_CORE = 1;

/** Node options with which a program of ours collects its garbage on SIGUSR2, so that memory in use can be told from memory kept. */
const COLLECT_OPTIONS = `--expose-gc --import=${join(import.meta.dirname, 'load', 'collect-on-signal.mjs')}`;
const COLLECT_MS = 2000;

export interface ContenderOptions {
  /** An existing data directory; a new one that is removed at the end when absent. */
  readonly dataDirectory?: string;
  /** More options for Node: `--cpu-prof`. */
  readonly nodeOptions?: string;
  readonly readyTimeoutMs?: number;
  /** WrenMQ's, in place of its defaults. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A broker in a process of its own, pinned to a core, with all its threads. */
export class Contender implements AsyncDisposable {
  readonly name: ContenderName;
  readonly port: number;
  readonly pid: number;
  readonly #stop: (signal: NodeJS.Signals) => Promise<unknown>;
  readonly #clean: () => Promise<void>;

  constructor(
    name: ContenderName,
    at: { port: number; pid: number },
    end: { stop: (signal: NodeJS.Signals) => Promise<unknown>; clean: () => Promise<void> },
  ) {
    this.name = name;
    this.port = at.port;
    this.pid = at.pid;
    this.#stop = end.stop;
    this.#clean = end.clean;
    execFileSync('taskset', ['-acp', String(BROKER_CORE), String(at.pid)], { stdio: 'ignore' });
  }

  /** Resident memory, bytes. */
  residentBytes(): number {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(match?.[1] ?? 0) * 1024;
  }

  /** CPU time of all its threads so far, seconds. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Has a program of ours throw away its garbage; nothing to do for others. */
  async collect(): Promise<void> {
    if (this.name === 'mosquitto') return;
    // What the first round has emptied is given back in the second.
    for (let round = 0; round < 2; round += 1) {
      process.kill(this.pid, 'SIGUSR2');
      await delay(COLLECT_MS);
    }
  }

  /** Ends it and leaves its data. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop('SIGKILL');
    await this.#clean();
  }
}

/** What is started in here has all cores until it is ready, as after a restart of the machine that it is for. */
export async function onAllCores<Started>(start: () => Promise<Started>): Promise<Started> {
  const pin = (cores: string): void => {
    execFileSync('taskset', ['-acp', cores, String(process.pid)], { stdio: 'ignore' });
  };
  pin(`0-${cpus().length - 1}`);
  try {
    return await start();
  } finally {
    pin(String(LOAD_CORE));
  }
}

export async function startContender(name: ContenderName, options: ContenderOptions = {}): Promise<Contender> {
  if (name === 'wrenmq') return startWrenMQ(options);
  return name === 'mosquitto' ? startMosquitto(options) : startCeiling(options);
}

/** With everything at its default: durable, all listeners and features on. */
async function startWrenMQ({ dataDirectory, nodeOptions = '', readyTimeoutMs, settings }: ContenderOptions): Promise<Contender> {
  const temporary = dataDirectory === undefined ? await tempDirectory('wrenmq-bench-') : null;
  const broker = await launchBroker({
    dataDirectory: dataDirectory ?? join(temporary!.path, 'data'),
    settings: { 'log.level': 'warn', ...settings },
    env: { NODE_OPTIONS: `${COLLECT_OPTIONS} ${nodeOptions}` },
    ...(readyTimeoutMs === undefined ? {} : { readyTimeoutMs }),
  });
  const clean = async (): Promise<void> => temporary?.remove();
  return new Contender('wrenmq', { port: broker.target().port, pid: broker.pid }, { stop: (signal) => broker.kill(signal), clean });
}

/** As Debian configures it, but on a port and a data directory of its own, and without Nagle's delay. */
async function startMosquitto({ dataDirectory, readyTimeoutMs = 30_000 }: ContenderOptions): Promise<Contender> {
  const temporary = await tempDirectory('wrenmq-bench-mosquitto-');
  const port = await freePort();
  const file = join(temporary.path, 'mosquitto.conf');
  const lines = [
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'connection_messages false',
    'persistence true',
    `persistence_location ${dataDirectory ?? temporary.path}/`,
    `user ${process.getuid?.() === 0 ? 'root' : 'mosquitto'}`,
    `listener ${port} 127.0.0.1`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const launched = await LaunchedProcess.launch({
    command: '/usr/sbin/mosquitto',
    args: ['-c', file],
    isReady: (line) => line.endsWith(' running'),
    timeoutMs: readyTimeoutMs,
  });
  return new Contender(
    'mosquitto',
    { port, pid: launched.pid },
    { stop: (signal) => launched.kill(signal), clean: () => temporary.remove() },
  );
}

async function startCeiling({ nodeOptions = '' }: ContenderOptions): Promise<Contender> {
  const port = await freePort();
  const launched = await LaunchedProcess.launch({
    command: process.execPath,
    args: [ceilingFile(), String(port)],
    env: { ...process.env, NODE_OPTIONS: `${COLLECT_OPTIONS} ${nodeOptions}` },
    // It may say nothing: it is ready when something accepts at its port.
    isReady: () => true,
    timeoutMs: 10_000,
  });
  await reachable(port);
  return new Contender('ceiling', { port, pid: launched.pid }, { stop: (signal) => launched.kill(signal), clean: () => Promise.resolve() });
}

/** The yardstick beside the repository when there is one, so that everyone who measures measures the same. */
function ceilingFile(): string {
  const beside = join(repository, '..', 'shared', 'bench', 'ceiling.mjs');
  return existsSync(beside) ? beside : join(import.meta.dirname, 'load', 'ceiling.mjs');
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await delay(50);
  }
  throw new Error(`nothing listens at port ${port}`);
}
