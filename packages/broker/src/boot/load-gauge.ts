import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Cancel, Clock } from '#base/clock.ts';

const LOOK_MS = 1000;
const NANOSECONDS_PER_MS = 1e6;

export interface LoadLimits {
  /** 99th percentile of the event loop's delay over a second; Infinity for no limit. */
  readonly eventLoopDelayMaxMs: number;
  /** Resident memory; Infinity for no limit. */
  readonly memoryBytesMax: number;
}

/** Watches how loaded the process is, so that new clients can be refused before those who are here suffer. */
export class LoadGauge {
  isOverloaded = false;
  eventLoopDelayP99Ms = 0;
  readonly #clock: Clock;
  /** May be replaced at any time. */
  limits: LoadLimits;
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>;
  #cancel: Cancel | null = null;

  constructor(clock: Clock, limits: LoadLimits) {
    this.#clock = clock;
    this.limits = limits;
    this.#histogram = monitorEventLoopDelay({ resolution: 50 });
  }

  start(): void {
    this.#histogram.enable();
    this.#look();
  }

  stop(): void {
    this.#cancel?.();
    this.#histogram.disable();
  }

  #look(): void {
    this.eventLoopDelayP99Ms = this.#histogram.percentile(99) / NANOSECONDS_PER_MS;
    this.#histogram.reset();
    const { eventLoopDelayMaxMs, memoryBytesMax } = this.limits;
    this.isOverloaded = this.eventLoopDelayP99Ms > eventLoopDelayMaxMs || process.memoryUsage.rss() > memoryBytesMax;
    this.#cancel = this.#clock.after(LOOK_MS, () => this.#look());
  }
}
