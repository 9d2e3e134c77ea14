import { readdir, readFile } from 'node:fs/promises';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { MetricSample } from './metrics-table.ts';

/**
 * What the process itself uses, under the names that stock dashboards know. Measures when it is asked and leaves nothing running:
 * prom-client's own set keeps a timer and an observer for every registry, and tells the version of Node.
 */
export class ProcessSampler {
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();

  async sample(): Promise<MetricSample[]> {
    const cpu = process.cpuUsage();
    const memory = process.memoryUsage();
    const [lagSeconds, openFiles, maxFiles] = await Promise.all([measureLagSeconds(), countOpenFiles(), readMaxFiles()]);
    const samples: MetricSample[] = [
      { name: 'process_cpu_user_seconds_total', value: cpu.user / 1e6 },
      { name: 'process_cpu_system_seconds_total', value: cpu.system / 1e6 },
      { name: 'process_cpu_seconds_total', value: (cpu.user + cpu.system) / 1e6 },
      { name: 'process_start_time_seconds', value: performance.timeOrigin / 1000 },
      { name: 'process_resident_memory_bytes', value: memory.rss },
      { name: 'nodejs_heap_size_total_bytes', value: memory.heapTotal },
      { name: 'nodejs_heap_size_used_bytes', value: memory.heapUsed },
      { name: 'nodejs_external_memory_bytes', value: memory.external },
      { name: 'nodejs_eventloop_lag_seconds', value: lagSeconds },
      { name: 'nodejs_eventloop_utilization_ratio', value: this.#utilizationSinceLast() },
    ];
    if (openFiles !== null) samples.push({ name: 'process_open_fds', value: openFiles });
    if (maxFiles !== null) samples.push({ name: 'process_max_fds', value: maxFiles });
    return samples;
  }

  #utilizationSinceLast(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    return Number.isFinite(utilization) ? utilization : 0;
  }
}

async function measureLagSeconds(): Promise<number> {
  const start = performance.now();
  await new Promise((resolve) => setImmediate(resolve));
  return (performance.now() - start) / 1000;
}

/** Null where the system has no /proc. */
async function countOpenFiles(): Promise<number | null> {
  try {
    // Reading the directory opens one more.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

async function readMaxFiles(): Promise<number | null> {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined || soft === 'unlimited' ? null : Number(soft);
  } catch {
    return null;
  }
}
