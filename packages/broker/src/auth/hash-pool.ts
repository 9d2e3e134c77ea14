import type { Cancel, Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';

/** The code of the error with which a full pool refuses. */
export const HASH_POOL_FULL = 'hash-pool-full';

export interface HashPoolLimits {
  readonly concurrentMax: number;
  readonly waitingMax: number;
  /** How long one may wait for its turn. */
  readonly waitMsMax: number;
}

interface Waiter {
  /** True: it is its turn; false: it has to give way. */
  readonly settle: (isTurn: boolean) => void;
  readonly cancelDeadline: Cancel;
}

/**
 * Runs costly hashes on Node's thread pool, a few at a time, so that a storm of logins leaves threads for the disk. Those who
 * wait stand in one line for each user name that is claimed, whether or not there is such a user, and the lines take turns: who
 * guesses the password of one user keeps no other one waiting. Full: the last of the longest line gives way (`drop-new`), and so
 * does who has waited too long.
 */
export class HashPool {
  readonly #clock: Clock;
  readonly #limits: HashPoolLimits;
  /** By user name; whose turn is next comes first. No line is empty. */
  readonly #lines = new Map<string, Waiter[]>();
  #waiting = 0;
  #running = 0;

  constructor(clock: Clock, limits: HashPoolLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Settles as `task` does; rejects with HASH_POOL_FULL when too many wait already, or its turn does not come in time. */
  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.concurrentMax) this.#running += 1;
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
      const waiter: Waiter = {
        settle: resolve,
        cancelDeadline: this.#clock.after(this.#limits.waitMsMax, () => this.#release(name, waiter, false)),
      };
      const line = this.#lines.get(name);
      if (line === undefined) this.#lines.set(name, [waiter]);
      else line.push(waiter);
      this.#waiting += 1;
      if (this.#waiting > this.#limits.waitingMax) this.#giveWay(name);
    });
  }

  /** One too many: of lines that are as long as the newcomer's it is the newcomer who goes. */
  #giveWay(newcomer: string): void {
    let longest = newcomer;
    for (const [name, line] of this.#lines) if (line.length > this.#lines.get(longest)!.length) longest = name;
    this.#release(longest, this.#lines.get(longest)!.at(-1)!, false);
  }

  #handOver(): void {
    const next = this.#lines.entries().next().value;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    const [name, line] = next;
    // Its line goes to the end.
    this.#lines.delete(name);
    this.#lines.set(name, line);
    this.#release(name, line[0], true);
  }

  #release(name: string, waiter: Waiter, isTurn: boolean): void {
    const line = this.#lines.get(name)!;
    line.splice(line.indexOf(waiter), 1);
    if (line.length === 0) this.#lines.delete(name);
    this.#waiting -= 1;
    waiter.cancelDeadline();
    waiter.settle(isTurn);
  }
}
