import type { Schedule } from './schedule.ts';

const CHUNK = 65_536;

/** Events at random moments, independent of each other, at the rate of another schedule: as many clients behave that know nothing of each other. */
export class PoissonSchedule {
  readonly #base: Schedule;
  readonly #random: () => number;
  /** Where event `index` would stand in the other schedule, in chunks. */
  readonly #positions: Float64Array[] = [];
  #known = 0;
  #last = 0;

  constructor(base: Schedule, seed: number) {
    this.#base = base;
    this.#random = seededRandom(seed);
  }

  /** Milliseconds from the start to event `index`, which counts from 0. */
  dueMs(index: number): number {
    while (this.#known <= index) this.#addOne();
    return this.#base.dueMs(this.#positions[Math.floor(index / CHUNK)][index % CHUNK]);
  }

  /** Events that are due when so much time has passed. */
  countAt(elapsedMs: number): number {
    while (this.#known === 0 || this.dueMs(this.#known - 1) <= elapsedMs) this.#addOne();
    let [low, high] = [0, this.#known - 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.dueMs(middle) <= elapsedMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #addOne(): void {
    if (this.#known % CHUNK === 0) this.#positions.push(new Float64Array(CHUNK));
    this.#last -= Math.log(1 - this.#random());
    this.#positions.at(-1)![this.#known % CHUNK] = this.#last;
    this.#known += 1;
  }
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
