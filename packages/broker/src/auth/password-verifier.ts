import { createHmac, randomBytes } from 'node:crypto';
import type { HashPool } from './hash-pool.ts';
import type { PasswordHash } from './password-hash.ts';
import { verifyPassword } from './password-hash.ts';

/**
 * Verifies passwords in the pool, and remembers successes, so that a fleet that comes back does not hash again. What it remembers
 * is an HMAC under a key of this process, never a password. Attempts with one hash and one password at the same time share one run.
 */
export class PasswordVerifier {
  readonly #pool: HashPool;
  readonly #rememberedMax: number;
  readonly #key = randomBytes(32);
  /** The oldest first; drops the oldest when full. */
  readonly #remembered = new Set<string>();
  /** Bounded by the pool. */
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(pool: HashPool, rememberedMax: number) {
    this.#pool = pool;
    this.#rememberedMax = rememberedMax;
  }

  /** Rejects with HASH_POOL_FULL when the pool is full; `name` is the user's, as claimed. */
  verify(name: string, stored: PasswordHash, password: Uint8Array): Promise<boolean> {
    const attempt = this.#nameAttempt(stored, password);
    if (this.#remembered.delete(attempt)) {
      this.#remembered.add(attempt);
      return Promise.resolve(true);
    }
    const running = this.#running.get(attempt);
    if (running !== undefined) return running;
    const started = this.#run(attempt, { name, stored, password: Buffer.from(password) });
    this.#running.set(attempt, started);
    return started;
  }

  /** Forgets every success. */
  forget(): void {
    this.#remembered.clear();
  }

  async #run(attempt: string, { name, stored, password }: { name: string; stored: PasswordHash; password: Buffer }): Promise<boolean> {
    try {
      const isRight = await this.#pool.run(name, () => verifyPassword(stored, password));
      if (isRight) this.#remember(attempt);
      return isRight;
    } finally {
      password.fill(0);
      this.#running.delete(attempt);
    }
  }

  #remember(attempt: string): void {
    if (this.#remembered.size >= this.#rememberedMax) {
      for (const oldest of this.#remembered) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    this.#remembered.add(attempt);
  }

  #nameAttempt(stored: PasswordHash, password: Uint8Array): string {
    // The salt and the hash say which user this is; the length in front of them keeps the parts apart.
    const lengths = Buffer.from([stored.salt.length, stored.hash.length]);
    return createHmac('sha256', this.#key).update(lengths).update(stored.salt).update(stored.hash).update(password).digest('base64');
  }
}
