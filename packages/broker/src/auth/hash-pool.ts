import { OperationalError } from '#base/errors.ts';

/** The code of the error with which a full pool refuses. */
export const HASH_POOL_FULL = 'hash-pool-full';

/** Called with true when it is its turn, with false when it has to give way. */
type Waiter = (isTurn: boolean) => void;

/**
 * Runs costly hashes on Node's thread pool, a few at a time, so that a storm of logins leaves threads for the disk. Those who
 * wait stand in one line for each user name that is claimed, whether or not there is such a user, and the lines take turns: who
 * guesses the password of one user keeps no other one waiting. Full: the last of the longest line gives way (`drop-new`).
 */
export class HashPool {
  readonly #concurrentMax: number;
  readonly #waitingMax: number;
  /** By user name; whose turn is next comes first. No line is empty. */
  readonly #lines = new Map<string, Waiter[]>();
  #waiting = 0;
  #running = 0;

  constructor(concurrentMax: number, waitingMax: number) {
    this.#concurrentMax = concurrentMax;
    this.#waitingMax = waitingMax;
  }

  /** Settles as `task` does; rejects with HASH_POOL_FULL when too many wait already. */
  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#concurrentMax) this.#running += 1;
    // Whoever ends hands its place over, so that nobody slips in between.
    else if (!(await this.#wait(name))) {
      throw new OperationalError(HASH_POOL_FULL, 'too many passwords are being verified', { retryable: true });
    }
    try {
      return await task();
    } finally {
      this.#handOver();
    }
  }

  #wait(name: string): Promise<boolean> {
    return new Promise((resolve) => {
      const line = this.#lines.get(name);
      if (line === undefined) this.#lines.set(name, [resolve]);
      else line.push(resolve);
      this.#waiting += 1;
      if (this.#waiting > this.#waitingMax) this.#giveWay(name);
    });
  }

  /** One too many: of lines that are as long as the newcomer's it is the newcomer who goes. */
  #giveWay(newcomer: string): void {
    let longest = newcomer;
    for (const [name, line] of this.#lines) if (line.length > this.#lines.get(longest)!.length) longest = name;
    const line = this.#lines.get(longest)!;
    const last = line.pop()!;
    if (line.length === 0) this.#lines.delete(longest);
    this.#waiting -= 1;
    last(false);
  }

  #handOver(): void {
    for (const [name, line] of this.#lines) {
      const next = line.shift()!;
      this.#lines.delete(name);
      if (line.length > 0) this.#lines.set(name, line);
      this.#waiting -= 1;
      next(true);
      return;
    }
    this.#running -= 1;
  }
}
