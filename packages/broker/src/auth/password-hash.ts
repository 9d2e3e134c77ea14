// One module object, because older Node 24 has no `argon2` to import by name.
import crypto from 'node:crypto';
import { OperationalError } from '#base/errors.ts';
import { decodeBase64 } from './base64.ts';

/** A stored password, taken apart and checked. */
export type PasswordHash = Argon2Hash | ScryptHash | Pbkdf2Hash | SaltedHash;

interface HashBytes {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

interface Argon2Hash extends HashBytes {
  readonly scheme: 'argon2id';
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
}

interface ScryptHash extends HashBytes {
  readonly scheme: 'scrypt';
  readonly costLog2: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** mosquitto's `$7$`: PBKDF2 with HMAC-SHA-512. */
interface Pbkdf2Hash extends HashBytes {
  readonly scheme: 'pbkdf2-sha512';
  readonly iterations: number;
}

/** mosquitto's old `$6$`: SHA-512 of password and salt. */
interface SaltedHash extends HashBytes {
  readonly scheme: 'sha512';
}

// Both take about 50 ms and 19 to 32 MiB on one core of 2024 (OWASP's lower recommendations).
const ARGON2_MEMORY_KIB = 19_456;
const ARGON2_PASSES = 2;
const SCRYPT_COST_LOG2 = 15;
const SCRYPT_BLOCK_SIZE = 8;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

// What a stored hash may ask for at most, so that a line in a file cannot take the machine.
const MEMORY_KIB_MAX = 1_048_576;
const PASSES_MAX = 64;
const PARALLELISM_MAX = 16;
const ITERATIONS_MAX = 10_000_000;

const hasArgon2 = typeof crypto.argon2 === 'function';

/** Hashes a new password: argon2id where this Node has it, else scrypt; about 50 ms on a thread of the pool. */
export async function hashPassword(password: string | Uint8Array): Promise<string> {
  const fresh = freshHash();
  const hash = await derive(fresh, Buffer.from(password));
  return formatPasswordHash({ ...fresh, hash });
}

/** Whether `password` is the stored one. Constant time in the bytes compared; case and bytes count exactly. */
export async function verifyPassword(stored: string | PasswordHash, password: Uint8Array): Promise<boolean> {
  const parsed = typeof stored === 'string' ? parsePasswordHash(stored) : stored;
  if (typeof parsed === 'string') throw new OperationalError('password-hash-unusable', `the stored password hash ${parsed}`);
  return crypto.timingSafeEqual(await derive(parsed, password), parsed.hash);
}

/** A hash that no password has, which costs as much to refuse as `like` (or a new hash): for users who do not exist. */
export function createDecoyHash(like: PasswordHash | null): PasswordHash {
  const parameters = like ?? freshHash();
  return { ...parameters, salt: crypto.randomBytes(parameters.salt.length), hash: crypto.randomBytes(parameters.hash.length) };
}

/** Two hashes with the same text take the same time to verify. */
export function hashCost(hash: PasswordHash): string {
  switch (hash.scheme) {
    case 'argon2id':
      return `argon2id ${hash.memoryKiB} ${hash.passes} ${hash.parallelism}`;
    case 'scrypt':
      return `scrypt ${hash.costLog2} ${hash.blockSize} ${hash.parallelism}`;
    case 'pbkdf2-sha512':
      return `pbkdf2-sha512 ${hash.iterations}`;
    case 'sha512':
      return 'sha512';
  }
}

export function formatPasswordHash(hash: PasswordHash): string {
  const plain = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  switch (hash.scheme) {
    case 'argon2id':
      return `$argon2id$v=19$m=${hash.memoryKiB},t=${hash.passes},p=${hash.parallelism}$${plain(hash.salt)}$${plain(hash.hash)}`;
    case 'scrypt':
      return `$scrypt$ln=${hash.costLog2},r=${hash.blockSize},p=${hash.parallelism}$${plain(hash.salt)}$${plain(hash.hash)}`;
    case 'pbkdf2-sha512':
      return `$7$${hash.iterations}$${hash.salt.toString('base64')}$${hash.hash.toString('base64')}`;
    case 'sha512':
      return `$6$${hash.salt.toString('base64')}$${hash.hash.toString('base64')}`;
  }
}

/** Takes a stored hash apart; a string says what is wrong with it, as the end of a sentence, and never quotes it. */
export function parsePasswordHash(text: string): PasswordHash | string {
  const fields = text.split('$');
  if (fields[0] !== '' || fields.length < 4) return 'is not a password hash ($argon2id$, $scrypt$, $7$ or $6$)';
  switch (fields[1]) {
    case 'argon2id':
      return parseArgon2(fields);
    case 'scrypt':
      return parseScrypt(fields);
    case '7':
      return parsePbkdf2(fields);
    case '6':
      return parseSalted(fields);
    default:
      return 'has a scheme that is not known ($argon2id$, $scrypt$, $7$ and $6$ are)';
  }
}

function freshHash(): PasswordHash {
  const salt = crypto.randomBytes(SALT_BYTES);
  const hash = Buffer.alloc(HASH_BYTES);
  if (hasArgon2) return { scheme: 'argon2id', memoryKiB: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES, parallelism: 1, salt, hash };
  return { scheme: 'scrypt', costLog2: SCRYPT_COST_LOG2, blockSize: SCRYPT_BLOCK_SIZE, parallelism: 1, salt, hash };
}

// $argon2id$v=19$m=19456,t=2,p=1$salt$hash
function parseArgon2(fields: readonly string[]): PasswordHash | string {
  if (!hasArgon2) return 'is argon2id, which needs Node 24.7 or later; scrypt works here';
  if (fields.length !== 6) return 'is not complete ($argon2id$v=19$m=..,t=..,p=..$salt$hash)';
  if (fields[2] !== 'v=19') return 'has a version of argon2id other than 19';
  const parameters = parseParameters(fields[3], ['m', 't', 'p']);
  const bytes = parseBytes(fields[4], fields[5], 8);
  if (parameters === null || bytes === null) return 'is damaged ($argon2id$v=19$m=..,t=..,p=..$salt$hash)';
  const [memoryKiB, passes, parallelism] = parameters;
  if (memoryKiB < 8 * parallelism || memoryKiB > MEMORY_KIB_MAX || passes > PASSES_MAX || parallelism > PARALLELISM_MAX) {
    return 'asks for more work than is accepted';
  }
  return { scheme: 'argon2id', memoryKiB, passes, parallelism, ...bytes };
}

// $scrypt$ln=15,r=8,p=1$salt$hash
function parseScrypt(fields: readonly string[]): PasswordHash | string {
  const parameters = fields.length === 5 ? parseParameters(fields[2], ['ln', 'r', 'p']) : null;
  const bytes = parseBytes(fields[3], fields[4], 8);
  if (parameters === null || bytes === null) return 'is damaged ($scrypt$ln=..,r=..,p=..$salt$hash)';
  const [costLog2, blockSize, parallelism] = parameters;
  if (costLog2 > 20 || blockSize > 32 || scryptBytes(costLog2, blockSize) > MEMORY_KIB_MAX * 1024 || parallelism > PARALLELISM_MAX) {
    return 'asks for more work than is accepted';
  }
  return { scheme: 'scrypt', costLog2, blockSize, parallelism, ...bytes };
}

// $7$iterations$salt$hash
function parsePbkdf2(fields: readonly string[]): PasswordHash | string {
  const iterations = parseCount(fields[2]);
  const bytes = fields.length === 5 ? parseBytes(fields[3], fields[4], 1) : null;
  if (iterations === null || bytes === null) return 'is damaged ($7$iterations$salt$hash)';
  if (iterations > ITERATIONS_MAX) return 'asks for more work than is accepted';
  return { scheme: 'pbkdf2-sha512', iterations, ...bytes };
}

// $6$salt$hash
function parseSalted(fields: readonly string[]): PasswordHash | string {
  const bytes = fields.length === 4 ? parseBytes(fields[2], fields[3], 1) : null;
  if (bytes === null || bytes.hash.length !== 64) return 'is damaged ($6$salt$hash)';
  return { scheme: 'sha512', ...bytes };
}

function parseParameters(text: string, names: readonly string[]): number[] | null {
  const parts = text.split(',');
  if (parts.length !== names.length) return null;
  const values: number[] = [];
  for (const name of names) {
    const part = parts.find((candidate) => candidate.startsWith(`${name}=`));
    const value = part === undefined ? null : parseCount(part.slice(name.length + 1));
    if (value === null) return null;
    values.push(value);
  }
  return values;
}

function parseCount(text: string | undefined): number | null {
  return text !== undefined && /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : null;
}

function parseBytes(saltText: string | undefined, hashText: string | undefined, saltBytesMin: number): HashBytes | null {
  const salt = decodeBase64(saltText ?? '');
  const hash = decodeBase64(hashText ?? '');
  if (salt === null || salt.length < saltBytesMin || salt.length > 128) return null;
  if (hash === null || hash.length < 16 || hash.length > 128) return null;
  return { salt, hash };
}

function scryptBytes(costLog2: number, blockSize: number): number {
  return 128 * 2 ** costLog2 * blockSize;
}

function derive(stored: PasswordHash, password: Uint8Array): Promise<Buffer> {
  const { salt, hash } = stored;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, derived: Buffer): void => (error === null ? resolve(derived) : reject(error));
    switch (stored.scheme) {
      case 'argon2id': {
        const { parallelism, memoryKiB: memory, passes } = stored;
        crypto.argon2('argon2id', { message: password, nonce: salt, parallelism, tagLength: hash.length, memory, passes }, done);
        break;
      }
      case 'scrypt': {
        const { costLog2, blockSize, parallelism } = stored;
        // OpenSSL counts a little more than the table of the algorithm.
        const maxmem = scryptBytes(costLog2, blockSize) + 128 * blockSize * (parallelism + 2) + 65_536;
        crypto.scrypt(password, salt, hash.length, { N: 2 ** costLog2, r: blockSize, p: parallelism, maxmem }, done);
        break;
      }
      case 'pbkdf2-sha512':
        crypto.pbkdf2(password, salt, stored.iterations, hash.length, 'sha512', done);
        break;
      case 'sha512':
        resolve(crypto.createHash('sha512').update(password).update(salt).digest());
    }
  });
}
