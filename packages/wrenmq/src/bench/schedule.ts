/** When each of many events is due: at a steady rate, after a ramp in which the rate grows from 0 in a straight line. */
export class Schedule {
  readonly #perMs: number;
  readonly #rampMs: number;
  /** Events that are due when the ramp ends. */
  readonly #rampCount: number;

  constructor(perSecond: number, rampMs = 0) {
    this.#perMs = perSecond / 1000;
    this.#rampMs = rampMs;
    this.#rampCount = (this.#perMs * rampMs) / 2;
  }

  /** Milliseconds from the start to event `index`, which counts from 0. */
  dueMs(index: number): number {
    if (index < this.#rampCount) return Math.sqrt((2 * index * this.#rampMs) / this.#perMs);
    return index / this.#perMs + this.#rampMs / 2;
  }

  /** Events that are due when so much time has passed. */
  countAt(elapsedMs: number): number {
    if (elapsedMs < 0) return 0;
    const due =
      elapsedMs < this.#rampMs ? (this.#perMs * elapsedMs * elapsedMs) / (2 * this.#rampMs) : this.#perMs * (elapsedMs - this.#rampMs / 2);
    // Event 0 is due at 0. Rounding must not put off an event that is due now.
    return Math.floor(due + 1e-6) + 1;
  }
}
