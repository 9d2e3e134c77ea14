import type { PasswordHash } from './password-hash.ts';
import { parsePasswordHash } from './password-hash.ts';
import type { ScramCredential } from './scram-credential.ts';
import { parseScramCredential } from './scram-credential.ts';

/** Someone who may log in, by password, by SCRAM, or by both. */
export interface User {
  readonly name: string;
  readonly passwordHash: PasswordHash | null;
  readonly scram: ScramCredential | null;
  readonly isSuperuser: boolean;
}

/** A user as written down: texts that still have to be checked. */
export interface WrittenUser {
  readonly name: string;
  readonly hash: string | null;
  readonly scram: string | null;
  readonly isSuperuser: boolean;
}

const NAME_BYTES_MAX = 65_535;

/** Checks a user that was written down; an array says everything that is wrong, as ends of sentences that start with the user. */
export function parseUser(written: WrittenUser): User | string[] {
  const problems: string[] = [];
  const nameProblem = userNameError(written.name);
  if (nameProblem !== null) problems.push(nameProblem);
  const passwordHash = written.hash === null ? null : parsePasswordHash(written.hash);
  if (typeof passwordHash === 'string') problems.push(`has a password that ${passwordHash}`);
  const scram = written.scram === null ? null : parseScramCredential(written.scram);
  if (typeof scram === 'string') problems.push(`has a SCRAM entry that ${scram}`);
  if (written.hash === null && written.scram === null) problems.push('has neither a password hash nor a SCRAM entry');
  if (problems.length > 0 || typeof passwordHash === 'string' || typeof scram === 'string') return problems;
  return { name: written.name, passwordHash, scram, isSuperuser: written.isSuperuser };
}

/** What is wrong with a user name, as the end of a sentence; null when a password file can hold it. */
export function userNameError(name: string): string | null {
  if (name === '') return 'has an empty name';
  if (/\p{Cc}/u.test(name)) return 'has a control character in the name';
  if (name.includes(':')) return 'has a colon in the name';
  if (name.startsWith('#')) return 'has a name that starts with #, like a comment';
  if (name !== name.trim()) return 'has a space around the name';
  if (!name.isWellFormed() || Buffer.byteLength(name) > NAME_BYTES_MAX) return 'has a name that MQTT cannot carry';
  return null;
}
