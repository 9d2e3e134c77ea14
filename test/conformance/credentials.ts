import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const iterations = 4096;

/** A password as mosquitto's password files have it. */
export function passwordHash(password: string): string {
  const salt = randomBytes(12);
  const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512');
  return `$7$101$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** What a server keeps of a password for SCRAM-SHA-256. */
export function scramCredential(password: string): string {
  const salt = randomBytes(16);
  const { storedKey, serverKey } = scramKeys(password, salt, iterations);
  return `$scram-sha-256$i=${iterations}$${salt.toString('base64')}$${storedKey.toString('base64')}$${serverKey.toString('base64')}`;
}

function scramKeys(password: string, salt: Buffer, count: number): { clientKey: Buffer; storedKey: Buffer; serverKey: Buffer } {
  const salted = pbkdf2Sync(password, salt, count, 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  return { clientKey, storedKey: createHash('sha256').update(clientKey).digest(), serverKey: hmac(salted, 'Server Key') };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** The client's side of SCRAM-SHA-256 (RFC 5802), without channel binding. */
export class ScramClient {
  readonly #password: string;
  readonly #bare: string;
  readonly #nonce: string = randomBytes(18).toString('base64');
  #signature = '';

  constructor(userName: string, password: string) {
    this.#password = password;
    this.#bare = `n=${userName},r=${this.#nonce}`;
  }

  first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`);
  }

  final(serverFirst: Buffer): Buffer {
    const text = serverFirst.toString();
    const [, nonce, salt, count] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text) ?? [];
    if (nonce === undefined || !nonce.startsWith(this.#nonce)) throw new Error(`the server's first message is ${text}`);
    const { clientKey, storedKey, serverKey } = scramKeys(this.#password, Buffer.from(salt ?? '', 'base64'), Number(count));
    const withoutProof = `c=biws,r=${nonce}`;
    const message = `${this.#bare},${text},${withoutProof}`;
    const signature = hmac(storedKey, message);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]));
    this.#signature = hmac(serverKey, message).toString('base64');
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  /** True when the server has shown that it knows the password too. */
  isServer(serverFinal: Buffer | undefined): boolean {
    return serverFinal?.toString() === `v=${this.#signature}`;
  }
}
