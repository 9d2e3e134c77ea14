import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { nodeBinary, repository } from '@wrenmq/testkit';

export type Tool = 'pub' | 'sub' | 'rr';
export type Maker = 'mosquitto' | 'wrenmq';

export interface ToolEnd {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  /** Told the process, so that a test can end it. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** How long a program may take: only that of a failing test takes so long. */
const PATIENCE_MS = 30_000;
const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
/** Neither program may see the configuration of whoever runs the tests. */
const cleanEnvironment: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WRENMQ_'))),
  XDG_CONFIG_HOME: '/nonexistent',
  TZ: 'UTC',
};

/** Runs `mosquitto_pub` and so on, or ours, to its end. */
export async function runTool(maker: Maker, tool: Tool, args: readonly string[], options: RunOptions = {}): Promise<ToolEnd> {
  return maker === 'mosquitto' ? run(`mosquitto_${tool}`, args, options) : runWrenmq([tool, ...args], options);
}

export function runWrenmq(args: readonly string[], options: RunOptions = {}): Promise<ToolEnd> {
  return run(nodeBinary, ['--conditions=@wrenmq/source', main, ...args], options);
}

async function run(command: string, args: readonly string[], { input, env, onStart }: RunOptions): Promise<ToolEnd> {
  const child = spawn(command, args, { env: { ...cleanEnvironment, ...env }, timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
  const parts: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (bytes: Buffer) => parts[name].push(bytes));
  // A program that does not read its input may end before it is written.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  onStart?.((signal) => child.kill(signal));
  const [status] = (await once(child, 'close')) as [number | null];
  const text = (name: 'stdout' | 'stderr'): string => Buffer.concat(parts[name]).toString('latin1');
  return { status, stdout: text('stdout'), stderr: text('stderr') };
}
