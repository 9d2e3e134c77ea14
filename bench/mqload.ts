import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '@wrenmq/testkit';
import { type Contender, LOAD_CORE } from './contender.ts';

const run = promisify(execFile);

/** Connecting, and the second that it warms up; beyond this something hangs. */
const MARGIN_MS = 30_000;

/** What mqload says of one run. */
export interface LoadResult {
  /** Messages per second from publishers, and to subscribers. */
  readonly in: number;
  readonly out: number;
  /** CPU seconds of the broker. */
  readonly user: number;
  readonly system: number;
  /** Messages (in + out) per CPU-second of the broker. */
  readonly perCpuSecond: number;
  readonly p50us: number;
  readonly p99us: number;
  readonly maxus: number;
}

/** The load generator, compiled from C by the machine's own compiler. */
export class Mqload {
  readonly #binary: string;

  constructor() {
    const beside = join(repository, '..', 'shared', 'bench', 'mqload.c');
    const source = existsSync(beside) ? beside : join(import.meta.dirname, 'load', 'mqload.c');
    const directory = join(import.meta.dirname, '.build');
    mkdirSync(directory, { recursive: true });
    this.#binary = join(directory, 'mqload');
    execFileSync('cc', ['-O2', '-o', this.#binary, source]);
  }

  /** Loads a broker for so many seconds, after one to warm up. */
  async load(broker: Contender, load: string, seconds: number): Promise<LoadResult> {
    const args = ['-c', String(LOAD_CORE), this.#binary, '-p', String(broker.port), '--pid', String(broker.pid)];
    const options = [...load.split(' '), '-t', String(seconds), '--json'];
    const { stdout } = await run('taskset', [...args, ...options], { timeout: seconds * 1000 + MARGIN_MS, killSignal: 'SIGKILL' });
    return JSON.parse(stdout) as LoadResult;
  }
}
