import { createHash } from 'node:crypto';
import { join } from 'node:path';

const NAME_LENGTH_MAX = 120;

/**
 * The directory of a client's session: the client id, with everything escaped that a file system may not take, may take for something
 * else (`..`, `CON`), or may not tell apart (`A` and `a`). A long one is cut and told apart by its hash.
 */
export function sessionDirectory(directory: string, clientId: string): string {
  const bytes = Buffer.from(clientId);
  const escaped = Array.from(bytes, (byte) => (isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`)).join(
    '',
  );
  if (escaped.length <= NAME_LENGTH_MAX) return join(directory, `session-${escaped}`);
  return join(directory, `session-${escaped.slice(0, NAME_LENGTH_MAX - 65)}~${digestClientId(clientId).toString('hex')}`);
}

export function digestClientId(clientId: string): Buffer {
  return createHash('sha256').update(clientId).digest();
}

/** a-z, 0-9, - and _ */
function isPlain(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f;
}
