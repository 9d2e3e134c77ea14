import { spawn, type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const main = join(import.meta.dirname, 'main.ts');
const nodeArguments = ['--conditions=@wrenmq/source'];
/** The tests must not see the configuration of whoever runs them. */
const cleanEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WRENMQ_')));

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `wrenmq` with these arguments to its end. */
export function runCommand(args: readonly string[], options: { cwd?: string; input?: string; env?: NodeJS.ProcessEnv } = {}): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArguments, main, ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...cleanEnv, ...options.env },
  });
  return { status, stdout, stderr };
}

/** `wrenmq start` in a process whose `@wrenmq/broker` is the one in test-broker.ts. */
export class StartedCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], brokerEnv: NodeJS.ProcessEnv = {}) {
    const hooks = join(import.meta.dirname, 'test-broker-hooks.ts');
    this.child = spawn(process.execPath, [...nodeArguments, '--import', hooks, main, 'start', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...cleanEnv, ...brokerEnv },
    });
    this.child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)));
    this.child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
    // Not `exit`: what was written must have arrived.
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Waits for a line on standard error that holds `text`. */
  async logged(text: string): Promise<void> {
    if (this.stderr.includes(text)) return;
    for await (const line of createInterface({ input: this.child.stderr! })) if (line.includes(text)) return;
    throw new Error(`ended without "${text}":\n${this.stderr}`);
  }

  async ready(): Promise<unknown> {
    for await (const line of createInterface({ input: this.child.stdout! })) return JSON.parse(line);
    throw new Error(`ended without being ready:\n${this.stderr}`);
  }
}
