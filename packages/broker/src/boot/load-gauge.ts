import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Cancel, Clock } from '#base/clock.ts';

const LOOK_MS = 1000;
const NANOSECONDS_PER_MS = 1e6;
const RESOLUTION_MS = 50;

export interface LoadLimits {
  /** 99th percentile of the event loop's delay over a second; Infinity for no limit. */
  readonly eventLoopDelayMaxMs: number;
  /** Resident memory; Infinity for no limit. */
  readonly memoryBytesMax: number;
}

/** What is asked of `monitorEventLoopDelay`. */
export interface DelayHistogram {
  enable(): unknown;
  disable(): unknown;
  reset(): void;
  /** Nanoseconds between two looks, the regular distance of 50 ms included. */
  percentile(percentile: number): number;
}

/** Watches how loaded the process is, so that new clients can be refused before those who are here suffer. */
export class LoadGauge {
  isOverloaded = false;
  eventLoopDelayP99Ms = 0;
  readonly #clock: Clock;
  /** May be replaced at any time. */
  limits: LoadLimits;
  readonly #histogram: DelayHistogram;
  #cancel: Cancel | null = null;

  constructor(clock: Clock, limits: LoadLimits, histogram: DelayHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })) {
    this.#clock = clock;
    this.limits = limits;
    this.#histogram = histogram;
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
    this.eventLoopDelayP99Ms = Math.max(this.#histogram.percentile(99) / NANOSECONDS_PER_MS - RESOLUTION_MS, 0);
    this.#histogram.reset();
    const { eventLoopDelayMaxMs, memoryBytesMax } = this.limits;
    this.isOverloaded = this.eventLoopDelayP99Ms > eventLoopDelayMaxMs || process.memoryUsage.rss() > memoryBytesMax;
    this.#cancel = this.#clock.after(LOOK_MS, () => this.#look());
  }
}
