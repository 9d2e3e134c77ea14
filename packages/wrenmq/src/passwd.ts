import { rm } from 'node:fs/promises';
import { deleteUser, hashPassword, makeScramCredential, setUser } from '@wrenmq/broker/administration';
import { CommandError, ExitCode } from './exit-code.ts';
import { askNewPassword, readPasswordLine } from './read-password.ts';

interface PasswdOptions {
  readonly create?: boolean;
  readonly delete?: boolean;
  readonly batch?: boolean;
  readonly stdin?: boolean;
  readonly scram?: boolean;
}

/** `wrenmq passwd`: changes one user of a password file. A running broker notices by itself. */
export async function passwd(file: string, user: string, password: string | undefined, options: PasswdOptions): Promise<void> {
  const mistake = findMistake(password, options);
  if (mistake !== null) throw new CommandError(mistake, ExitCode.Usage);
  if (options.delete === true) {
    if (!(await deleteUser(file, user))) throw new CommandError(`${file} has no user ${user}`);
    return console.error(`${user} is no longer in ${file}`);
  }
  const chosen = password ?? (options.stdin === true ? await readPasswordLine() : await askNewPassword(user));
  if (chosen === '') throw new CommandError('the password is empty; nothing was changed');
  const hash = await hashPassword(chosen);
  const scram = options.scram === true ? await makeScramCredential(chosen) : null;
  if (options.create === true) await rm(file, { force: true });
  const isNew = await setUser(file, user, { hash, scram });
  console.error(isNew ? `${user} is now in ${file}` : `${user} has a new password in ${file}`);
}

function findMistake(password: string | undefined, options: PasswdOptions): string | null {
  if (options.delete === true && (options.create === true || password !== undefined || options.stdin === true))
    return '-D takes a file and a user, and no password';
  if (options.batch === true && password === undefined) return '-b needs the password after the user';
  if (options.batch !== true && password !== undefined) return 'a password on the command line needs -b: others on this machine may see it';
  if (options.batch === true && options.stdin === true) return 'give -b or --stdin, not both';
  return null;
}
