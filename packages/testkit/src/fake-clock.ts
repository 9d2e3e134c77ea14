interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock whose hands a test holds; it has the shape of the broker's `Clock`. */
export class FakeClock {
  #monotonicMs = 0;
  #wallMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(wallMs: number = Date.UTC(2030, 0, 1)) {
    this.#wallMs = wallMs;
  }

  // Bound to the instance, so that they may be passed around like the methods of a plain object.
  readonly wallMs = (): number => this.#wallMs;
  readonly monotonicMs = (): number => this.#monotonicMs;
  readonly turnWallMs = (): number => this.#wallMs;
  readonly turnMs = (): number => Math.floor(this.#monotonicMs) + 1;

  readonly after = (delayMs: number, callback: () => void): (() => void) => {
    const timer: Timer = { atMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order, callback };
    this.#order += 1;
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass: what falls due runs in its order, at its time, and so does what it starts. */
  advance(ms: number): void {
    const end = this.#monotonicMs + ms;
    for (let timer = this.#earliest(end); timer !== null; timer = this.#earliest(end)) {
      this.#timers.delete(timer);
      this.#moveTo(Math.max(timer.atMs, this.#monotonicMs));
      timer.callback();
    }
    this.#moveTo(end);
  }

  /** Moves on without a stop, as a machine that slept does: what fell due meanwhile runs once, afterwards. */
  leap(ms: number): void {
    this.#moveTo(this.#monotonicMs + ms);
    this.advance(0);
  }

  /** Sets the wall clock as an administrator or NTP does: no timer notices. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(ms: number): void {
    const step = ms - this.#monotonicMs;
    this.#monotonicMs += step;
    this.#wallMs += step;
  }

  #earliest(end: number): Timer | null {
    let earliest: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > end) continue;
      if (earliest === null || timer.atMs < earliest.atMs || (timer.atMs === earliest.atMs && timer.order < earliest.order))
        earliest = timer;
    }
    return earliest;
  }
}
