import type { Clock } from './clock.ts';

/** Lets `perSecond` through on average and `burst` at once; Infinity is no limit. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** How many tokens there are now; below 1 none. */
  get available(): number {
    if (this.#perSecond === Infinity) return Infinity;
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * this.#perSecond);
    this.#filledAtMs = nowMs;
    return this.#tokens;
  }

  /** How long it takes until there is one, in milliseconds. */
  get waitMs(): number {
    return Math.max(0, Math.ceil(((1 - this.available) / this.#perSecond) * 1000));
  }

  /** Takes one token; false when there is none. */
  take(): boolean {
    if (this.available < 1) return false;
    this.spend(1);
    return true;
  }

  /** Takes so many tokens, also more than there are: what is missing is waited for later. */
  spend(count: number): void {
    if (this.#perSecond !== Infinity) this.#tokens -= count;
  }
}
