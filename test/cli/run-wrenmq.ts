import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { repository } from '@wrenmq/testkit';

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line from its sources to its end. */
export async function wrenmq(...args: readonly string[]): Promise<Ended> {
  const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
  const child = spawn(process.execPath, ['--conditions=@wrenmq/source', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: child.exitCode, stdout, stderr };
}
