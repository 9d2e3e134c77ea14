import type { Cancel, Clock } from '#base/clock.ts';

/** Does something again and again, at an interval that can be changed or be none. */
export class Rhythm {
  readonly #clock: Clock;
  readonly #beat: () => void;
  #seconds: number | null = null;
  #cancel: Cancel | null = null;

  constructor(clock: Clock, beat: () => void) {
    this.#clock = clock;
    this.#beat = beat;
  }

  /** Null stops it. The same interval as before changes nothing; false then. */
  set(seconds: number | null): boolean {
    if (seconds === this.#seconds) return false;
    this.#cancel?.();
    this.#cancel = null;
    this.#seconds = seconds;
    if (seconds !== null) this.#wait(seconds * 1000);
    return true;
  }

  #wait(intervalMs: number): void {
    this.#cancel = this.#clock.after(intervalMs, () => {
      this.#wait(intervalMs);
      this.#beat();
    });
  }
}
