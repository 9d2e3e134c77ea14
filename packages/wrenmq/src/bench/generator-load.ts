import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 5;

export interface MeasuredLoad {
  readonly utilization: number;
  readonly loopDelayP99Ms: number;
  /** CPU-seconds per second. Well below `utilization` it says that others had the processor. */
  readonly cpu: number;
}

/** Of a worker its thread's alone; of the main thread that of the process, with the threads that serve it. */
const cpuUsage = isMainThread ? process.cpuUsage.bind(process) : process.threadCpuUsage.bind(process);

/** How busy this thread was: the share of time in which its event loop did anything but wait. */
export class GeneratorLoad {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #before = performance.eventLoopUtilization();
  #cpuBefore = cpuUsage();

  start(): void {
    this.#before = performance.eventLoopUtilization();
    this.#cpuBefore = cpuUsage();
    this.#delay.reset();
    this.#delay.enable();
  }

  stop(): MeasuredLoad {
    this.#delay.disable();
    const { active, idle } = performance.eventLoopUtilization(this.#before);
    const late = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / 1e6 - RESOLUTION_MS;
    const { user, system } = cpuUsage(this.#cpuBefore);
    return {
      utilization: active / Math.max(1e-9, active + idle),
      loopDelayP99Ms: Math.max(0, late),
      cpu: (user + system) / 1000 / Math.max(1e-9, active + idle),
    };
  }
}
