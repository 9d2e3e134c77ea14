import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { CommandError, ExitCode } from '#exit-code.ts';

/** What a context holds: flags of the connection, by their long names in camel case. */
export type Context = ConnectionFlags;

/** The folder of the contexts; each is a file of JSON that only its owner may read. */
export function contextFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'wrenmq', 'contexts');
}

/** The file that names the context which is used when none is asked for. */
export function currentFile(environment: NodeJS.ProcessEnv = process.env): string {
  return join(contextFolder(environment), '..', 'context');
}

/** Reads a context, the chosen one without a name; what is not chosen is empty. A name that does not exist is a usage error. */
export async function readContext(name: string | undefined, environment: NodeJS.ProcessEnv = process.env): Promise<Context> {
  const wanted = name ?? (await readCurrent(environment));
  if (wanted === undefined) return {};
  const file = join(contextFolder(environment), `${wanted}.json`);
  const text = await readIfPresent(file);
  if (text === undefined) throw new CommandError(`wrenmq: there is no context ${wanted}; see: wrenmq context list`, ExitCode.Usage);
  await refuseOpenFile(file);
  try {
    return JSON.parse(text) as Context;
  } catch (error) {
    throw new CommandError(`wrenmq: ${file}: ${(error as Error).message}`, ExitCode.Usage);
  }
}

/** Permissions of anybody but the owner. */
const OTHERS = 0o077;

async function refuseOpenFile(file: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(file);
  if ((mode & OTHERS) !== 0)
    throw new CommandError(`wrenmq: ${file} may hold secrets, and others can read it; mend it with: chmod 600 ${file}`, ExitCode.Usage);
}

/** The name of the chosen context. */
export async function readCurrent(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  return (await readIfPresent(currentFile(environment)))?.trim() || undefined;
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
