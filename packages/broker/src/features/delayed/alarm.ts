import type { Cancel, Clock } from '#base/clock.ts';

/** However far the moment is: the wall clock is looked at as often, since it may jump. */
const SLEEP_MS_MAX = 1000;

/** Rings when the wall clock shows a moment, or has jumped past it. */
export class Alarm {
  readonly #clock: Clock;
  readonly #onAlarm: () => void;
  #atMs = Infinity;
  #cancel: Cancel | null = null;
  #cancelDelay: Cancel | null = null;
  #isStopped = false;

  constructor(clock: Clock, onAlarm: () => void) {
    this.#clock = clock;
    this.#onAlarm = onAlarm;
  }

  /** Rings once, at this moment of the wall clock or any earlier one that was asked for. */
  at(wallMs: number): void {
    if (wallMs >= this.#atMs) return;
    this.#atMs = wallMs;
    this.#sleep();
  }

  /** Rings once after so long, whatever the wall clock shows then. */
  in(delayMs: number): void {
    this.#cancelDelay?.();
    if (!this.#isStopped) this.#cancelDelay = this.#clock.after(delayMs, () => this.at(-Infinity));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancelDelay?.();
  }

  #sleep(): void {
    this.#cancel?.();
    if (this.#isStopped) return;
    const leftMs = Math.max(this.#atMs - this.#clock.wallMs(), 0);
    this.#cancel = this.#clock.after(Math.min(leftMs, SLEEP_MS_MAX), () => this.#look());
  }

  #look(): void {
    if (this.#clock.wallMs() < this.#atMs) {
      this.#sleep();
      return;
    }
    this.#atMs = Infinity;
    this.#onAlarm();
  }
}
