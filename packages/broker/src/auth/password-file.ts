import type { FileHandle } from 'node:fs/promises';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { OperationalError } from '#base/errors.ts';
import type { User } from './user.ts';
import { parseUser, userNameError } from './user.ts';

/** What is wrong with one line, as a sentence without secrets. */
export interface PasswordFileProblem {
  readonly line: number;
  readonly message: string;
}

export interface PasswordFile {
  readonly users: ReadonlyMap<string, User>;
  readonly problems: readonly PasswordFileProblem[];
}

/** A password file that was read from disk. */
export interface PasswordFileOnDisk extends PasswordFile {
  /** True when everyone on the machine can read the hashes. */
  readonly isReadableByOthers: boolean;
}

/** What `setUser` writes: texts from `hashPassword` and `makeScramCredential`. */
export interface WrittenCredentials {
  readonly hash: string | null;
  readonly scram: string | null;
}

const FILE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads a password file's text:
 *
 *     line := name ':' hash [':' scram] | name ':' scram | '#' comment | ''
 *
 * mosquitto's files are such files. Every problem is collected; a file with a problem must not be used at all, since a
 * damaged line that is skipped or half understood is a user that nobody meant.
 */
export function parsePasswordFile(text: string): PasswordFile {
  const users = new Map<string, User>();
  const problems: PasswordFileProblem[] = [];
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const content = lines[index].replace(/\r$/, '');
    if (isIgnored(content)) continue;
    const user = parseLine(content);
    if (Array.isArray(user)) for (const message of user) problems.push({ line: index + 1, message });
    else if (users.has(user.name)) problems.push({ line: index + 1, message: 'the user has an earlier line already' });
    else users.set(user.name, user);
  }
  return { users, problems };
}

/** Reads the file at `path`, null when there is none; rejects with the code `password-file-unreadable` when it cannot. */
export async function readPasswordFile(path: string): Promise<PasswordFileOnDisk | null> {
  if ((await resolveLink(path)) === null) return null;
  const { text, mode } = await readText(path);
  return { ...parsePasswordFile(text), isReadableByOthers: (mode & 0o004) !== 0 };
}

/** The text of a file with these users in it. */
export function formatPasswordFile(users: Iterable<{ readonly name: string } & WrittenCredentials>): string {
  let text = '';
  for (const user of users) text += `${formatLine(user.name, user)}\n`;
  return text;
}

/** Adds a user or changes one, and keeps every other line as it is; makes the file (0600) when there is none. Returns whether it is new. */
export async function setUser(path: string, name: string, credentials: WrittenCredentials): Promise<boolean> {
  const nameProblem = userNameError(name);
  if (nameProblem !== null) throw new OperationalError('user-name-unusable', `the user ${nameProblem}`);
  const line = formatLine(name, credentials);
  const made = parseLine(line);
  if (Array.isArray(made)) throw new OperationalError('credentials-unusable', made.join('; '));
  const lines = await readLines(path, true);
  const at = lines.findIndex((content) => nameOf(content) === name);
  if (at < 0) lines.push(line);
  else lines[at] = line;
  await writeLines(path, lines);
  return at < 0;
}

/** Takes a user out of the file and keeps every other line as it is. Returns whether there was one. */
export async function deleteUser(path: string, name: string): Promise<boolean> {
  const lines = await readLines(path, false);
  const kept = lines.filter((content) => nameOf(content) !== name);
  if (kept.length === lines.length) return false;
  await writeLines(path, kept);
  return true;
}

function isIgnored(content: string): boolean {
  return content.trim() === '' || content.startsWith('#');
}

function nameOf(content: string): string | null {
  return isIgnored(content) ? null : content.slice(0, content.indexOf(':'));
}

function formatLine(name: string, credentials: WrittenCredentials): string {
  return [name, credentials.hash, credentials.scram].filter((field) => field !== null).join(':');
}

function parseLine(content: string): User | string[] {
  const fields = content.split(':');
  if (fields.length === 1) return ['the line has no colon between user and hash'];
  if (fields.length > 3) return ['the line has more than the three fields user, hash and SCRAM entry'];
  const [name, second, third] = fields;
  const isScramOnly = third === undefined && second.startsWith('$scram-');
  const hash = isScramOnly ? null : second;
  const user = parseUser({ name, hash, scram: isScramOnly ? second : (third ?? null), isSuperuser: false });
  return Array.isArray(user) ? user.map((problem) => `the user ${problem}`) : user;
}

async function readText(path: string): Promise<{ text: string; mode: number }> {
  try {
    const file = await open(path, 'r');
    try {
      const { size, mode } = await file.stat();
      if (size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
      return { text, mode };
    } finally {
      await file.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OperationalError('password-file-unreadable', `cannot read the password file ${path}: ${why}`, { cause });
  }
}

async function readLines(path: string, mayBeMissing: boolean): Promise<string[]> {
  if (mayBeMissing && (await resolveLink(path)) === null) return [];
  const { text } = await readText(path);
  const [problem] = parsePasswordFile(text).problems;
  // A file that the broker would refuse is not changed: the way back must stay visible.
  if (problem !== undefined) throw new OperationalError('password-file-damaged', `${path}:${problem.line}: ${problem.message}`);
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  while (lines.length > 0 && lines[lines.length - 1] === '') lines.pop();
  return lines;
}

/** The file behind a symbolic link, which must stay one; null when there is no file. */
async function resolveLink(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new OperationalError('password-file-unreadable', `cannot reach the password file ${path}`, { cause: error });
  }
}

/** Writes a new file beside the old one and puts it in its place, so that a reader sees the one or the other. */
async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  const old = await resolveLink(path);
  const target = old ?? path;
  const fresh = `${target}.${randomUUID()}.new`;
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      if (old !== null) await keepOwner(old, file);
      await file.writeFile(lines.map((line) => `${line}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, target);
    const directory = await open(dirname(target), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (cause) {
    await rm(fresh, { force: true });
    throw new OperationalError('password-file-unwritable', `cannot write the password file ${path}`, { cause });
  }
}

/** An administrator who edits the file must not take it from the broker's own user. */
async function keepOwner(old: string, fresh: FileHandle): Promise<void> {
  const [before, now] = await Promise.all([stat(old), fresh.stat()]);
  if (before.uid !== now.uid || before.gid !== now.gid) await fresh.chown(before.uid, before.gid);
}
