import { readFile } from 'node:fs/promises';
import { CommandError, ExitCode } from '#exit-code.ts';
import { askPassword, readPasswordLine } from '#read-password.ts';
import type { BrokerAddress } from './broker-address.ts';
import type { ConnectionFlags } from './connection-flags.ts';

/** User name and password from wherever the flags say: -P, a file, a variable, standard input, the URL, or the terminal. */
export async function readCredentials(
  flags: ConnectionFlags,
  address: Pick<BrokerAddress, 'username' | 'password'>,
): Promise<{ username: string | undefined; password: string | undefined }> {
  const username = flags.username ?? address.username;
  return { username, password: (await readPassword(flags, username)) ?? address.password };
}

async function readPassword(flags: ConnectionFlags, username: string | undefined): Promise<string | undefined> {
  if (typeof flags.pw === 'string') return flags.pw;
  if (flags.passwordFile !== undefined) return readSecretFile('--password-file', flags.passwordFile);
  if (flags.passwordEnv !== undefined) return readSecretVariable('--password-env', flags.passwordEnv);
  if (flags.passwordStdin !== true && flags.pw !== true) return undefined;
  return flags.passwordStdin === true ? readPasswordLine() : askPassword(username ?? 'the broker');
}

/** The first line of a file. */
export async function readSecretFile(flag: string, file: string): Promise<string> {
  return (await readFlagFile(flag, file)).toString('utf8').split(/\r?\n/, 1)[0];
}

/** What a file holds that a flag names. */
export async function readFlagFile(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new CommandError(`wrenmq: ${flag} ${file}: ${reason}`, ExitCode.Usage);
  }
}

function readSecretVariable(flag: string, name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new CommandError(`wrenmq: ${flag} ${name}: the variable is not set`, ExitCode.Usage);
  return value;
}
