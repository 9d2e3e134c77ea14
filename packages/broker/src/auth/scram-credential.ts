import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { OperationalError } from '#base/errors.ts';
import { decodeBase64 } from './base64.ts';
import { prepareSaslText } from './sasl-prep.ts';

/** What a server keeps of a password for SCRAM-SHA-256 (RFC 5802 section 3): nobody can log in with it. */
export interface ScramCredential {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** RFC 7677 section 4: at least 4096. The client pays for each. */
export const SCRAM_ITERATIONS = 4096;
const ITERATIONS_MAX = 1_000_000;
export const SCRAM_SALT_BYTES = 16;
const KEY_BYTES = 32;

const deriveBits = promisify(pbkdf2);

/** Makes the text that a password file or the configuration holds: `$scram-sha-256$i=4096$salt$storedKey$serverKey`. */
export async function makeScramCredential(password: string): Promise<string> {
  const salt = randomBytes(SCRAM_SALT_BYTES);
  return formatScramCredential(await deriveScramCredential(password, salt, SCRAM_ITERATIONS));
}

export async function deriveScramCredential(password: string, salt: Buffer, iterations: number): Promise<ScramCredential> {
  const prepared = prepareSaslText(password);
  if (prepared === null) throw new OperationalError('password-unusable', 'the password is empty or has characters that SCRAM forbids');
  const salted = await deriveBits(prepared, salt, iterations, KEY_BYTES, 'sha256');
  const clientKey = hmacSha256(salted, 'Client Key');
  return { salt, iterations, storedKey: sha256(clientKey), serverKey: hmacSha256(salted, 'Server Key') };
}

export function formatScramCredential(credential: ScramCredential): string {
  const { salt, iterations, storedKey, serverKey } = credential;
  return `$scram-sha-256$i=${iterations}$${salt.toString('base64')}$${storedKey.toString('base64')}$${serverKey.toString('base64')}`;
}

/** Takes a stored credential apart; a string says what is wrong with it, as the end of a sentence, and never quotes it. */
export function parseScramCredential(text: string): ScramCredential | string {
  const [before, scheme, count, saltText, storedText, serverText, ...rest] = text.split('$');
  const iterations = /^i=[1-9][0-9]{3,6}$/.test(count ?? '') ? Number(count?.slice(2)) : 0;
  const salt = decodeBase64(saltText ?? '');
  const storedKey = decodeBase64(storedText ?? '');
  const serverKey = decodeBase64(serverText ?? '');
  if (before !== '' || scheme !== 'scram-sha-256' || rest.length > 0 || salt === null || salt.length < 8 || salt.length > 128) {
    return 'is not a SCRAM credential ($scram-sha-256$i=4096$salt$storedKey$serverKey)';
  }
  if (storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES) return 'has a SCRAM key that is not 32 bytes long';
  if (iterations < SCRAM_ITERATIONS || iterations > ITERATIONS_MAX) return `has fewer than ${SCRAM_ITERATIONS} or too many iterations`;
  return { salt, iterations, storedKey, serverKey };
}

export function hmacSha256(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
