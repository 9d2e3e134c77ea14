import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ALARM_BYTES, alarmOf, Armed } from './alarm.ts';
import type { PacerClock } from './pacer.ts';
import { machineClockOffsetMs } from './stamp.ts';

/**
 * A clock whose `later` is exact to about a tenth of a millisecond. Node's timers round to whole milliseconds; waiting by turning the event
 * loop is exact, but takes the core from the broker that it measures. So a thread of its own sleeps until then, and sends a message.
 */
export class PreciseClock implements PacerClock, Disposable {
  readonly #memory = new SharedArrayBuffer(ALARM_BYTES);
  readonly #alarm = alarmOf(this.#memory);
  readonly #offsetMs = machineClockOffsetMs();
  readonly #sleeper: Worker;
  #callback: () => void = () => {};

  private constructor() {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#sleeper = new Worker(new URL(`./sleeper.${extension}`, import.meta.url), { workerData: this.#memory });
    this.#sleeper.on('message', () => this.#callback());
  }

  static async open(): Promise<PreciseClock> {
    const clock = new PreciseClock();
    await once(clock.#sleeper, 'online');
    return clock;
  }

  now(): number {
    return performance.now();
  }

  later(delayMs: number, callback: () => void): void {
    this.#callback = callback;
    this.#alarm.dueMs[0] = performance.now() + this.#offsetMs + delayMs;
    Atomics.store(this.#alarm.armed, 0, Armed.Yes);
    Atomics.notify(this.#alarm.armed, 0);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  [Symbol.dispose](): void {
    void this.#sleeper.terminate();
  }
}
