import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const RESOLUTION_MS = 5;

export interface MeasuredLoad {
  readonly utilization: number;
  readonly loopDelayP99Ms: number;
  /** CPU-seconds per second. Well below `utilization` it says that others had the processor. */
  readonly cpu: number;
}

/** How busy this process was: the share of time in which it did anything but wait, also where it waits by turning round. */
export class GeneratorLoad {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #before = performance.eventLoopUtilization();
  #cpuBefore = process.cpuUsage();
  #idleMs = 0;

  start(): void {
    this.#before = performance.eventLoopUtilization();
    this.#cpuBefore = process.cpuUsage();
    this.#idleMs = 0;
    this.#delay.reset();
    this.#delay.enable();
  }

  /** A turn of the event loop in which there was nothing to do. */
  addIdle(ms: number): void {
    this.#idleMs += ms;
  }

  stop(): MeasuredLoad {
    this.#delay.disable();
    const { active, idle } = performance.eventLoopUtilization(this.#before);
    const late = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / 1e6 - RESOLUTION_MS;
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return {
      utilization: Math.max(0, active - this.#idleMs) / Math.max(1e-9, active + idle),
      loopDelayP99Ms: Math.max(0, late),
      cpu: (user + system) / 1000 / Math.max(1e-9, active + idle),
    };
  }
}
