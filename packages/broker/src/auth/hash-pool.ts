import { OperationalError } from '#base/errors.ts';

/** The code of the error with which a full pool refuses. */
export const HASH_POOL_FULL = 'hash-pool-full';

/**
 * Runs costly hashes on Node's thread pool, a few at a time, so that a storm of logins leaves threads for the disk.
 * Full: refuses new work (`drop-new`).
 */
export class HashPool {
  readonly #concurrentMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(concurrentMax: number, waitingMax: number) {
    this.#concurrentMax = concurrentMax;
    this.#waitingMax = waitingMax;
  }

  /** Settles as `task` does; rejects with HASH_POOL_FULL when too many wait already. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrentMax) {
      if (this.#waiting.length >= this.#waitingMax) {
        throw new OperationalError(HASH_POOL_FULL, 'too many passwords are being verified', { retryable: true });
      }
      // Whoever ends hands its place over, so that nobody slips in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
