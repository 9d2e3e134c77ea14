import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { brokerAddress } from '#connection/broker-address.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { WORD_END } from '#connection/properties.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { type Context, contextFolder, currentFile, readContext, readCurrent } from './context-file.ts';

/** Only its owner may read it. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const NAME = /^[\w][\w.-]{0,63}$/;
/** What is meant for one run, not for a saved connection. */
const MOMENTARY = ['context', 'config', 'debug', 'quiet', 'passwordStdin'] as const;
/** Paths are saved as they are meant here, not where the command runs next time. */
const PATHS = ['cafile', 'capath', 'cert', 'key', 'keypassFile', 'passwordFile', 'pskFile', 'unix'] as const;
const SECRETS = ['pw', 'psk'] as const;

/** Saves the flags of a connection. */
export async function addContext(name: string, flags: ConnectionFlags): Promise<void> {
  if (!NAME.test(name)) throw usage(`${name}: a name has letters, digits, dots, dashes and underscores`);
  if (flags.pw === true) throw usage('-P asks for the password each time by itself: leave it out, or name its file with --password-file');
  const context = savedFlags(flags);
  // Says what is wrong with the address now, not at the first use.
  brokerAddress(context);
  const file = contextPath(name);
  await mkdir(dirname(file), { recursive: true, mode: FOLDER_MODE });
  await writeFile(file, `${JSON.stringify(context, null, 2)}\n`, { mode: FILE_MODE });
  // The file may have been there with another mode.
  await chmod(file, FILE_MODE);
  if ((await readCurrent()) === undefined) await useContext(name);
}

/** Makes it the one that is used when no other is asked for. */
export async function useContext(name: string | undefined): Promise<void> {
  if (name === undefined) return rm(currentFile(), { force: true });
  await readContext(name);
  await writeFile(currentFile(), `${name}\n`, { mode: FILE_MODE });
  console.error(`wrenmq: using ${name}`);
}

export async function listContexts(flags: { readonly json?: true }): Promise<void> {
  const current = await readCurrent();
  for (const name of await contextNames()) {
    const { url } = brokerAddress(await readContext(name));
    if (flags.json === true) console.log(JSON.stringify({ name, url, current: name === current }));
    else console.log(`${name === current ? '*' : ' '} ${name.padEnd(20)} ${url}`);
  }
}

export async function showContext(name: string | undefined): Promise<void> {
  const shown = { ...(await readContext(name)) } as Record<string, unknown>;
  for (const secret of SECRETS) if (shown[secret] !== undefined) shown[secret] = '(hidden)';
  if (typeof shown['url'] === 'string') shown['url'] = shown['url'].replace(/(\/\/[^/:@]*:)[^/@]*@/, '$1(hidden)@');
  console.log(JSON.stringify(shown, null, 2));
}

export async function removeContext(name: string): Promise<void> {
  await readContext(name);
  await rm(contextPath(name));
  if ((await readCurrent()) === name) await useContext(undefined);
}

/** All names, in order. */
export async function contextNames(): Promise<string[]> {
  const files = await readdir(contextFolder()).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const ending = '.json';
  return files
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .toSorted();
}

function savedFlags(flags: ConnectionFlags): Context {
  const saved: Record<string, unknown> = { ...flags };
  for (const name of MOMENTARY) delete saved[name];
  // What commander fills in for --no-tls.
  if (saved['tls'] === true) delete saved['tls'];
  for (const name of PATHS) if (typeof saved[name] === 'string') saved[name] = resolve(saved[name]);
  if (flags.property !== undefined) saved['property'] = flags.property.map((words) => words.replaceAll(WORD_END, ' '));
  return saved;
}

function contextPath(name: string): string {
  return join(contextFolder(), `${name}.json`);
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
