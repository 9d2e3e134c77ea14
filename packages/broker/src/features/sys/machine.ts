import { cpus, freemem, totalmem } from 'node:os';

/** What alarms are about, at one moment. Percent are whole numbers. */
export interface MachineReading {
  /** Of all processors, since the last reading; null at the first. */
  readonly cpuPercent: number | null;
  readonly memoryPercent: number;
  readonly isStoreFull: boolean;
}

/** Tells how busy the machine is, everything that runs on it included. */
export class Machine {
  #busyMs = 0;
  #allMs = 0;

  read(): Omit<MachineReading, 'isStoreFull'> {
    let [busyMs, allMs] = [0, 0];
    for (const { times } of cpus()) {
      const workMs = times.user + times.nice + times.sys + times.irq;
      busyMs += workMs;
      allMs += workMs + times.idle;
    }
    const isFirst = this.#allMs === 0;
    const spanMs = allMs - this.#allMs;
    const cpuPercent = isFirst || spanMs <= 0 ? null : Math.round((100 * (busyMs - this.#busyMs)) / spanMs);
    this.#busyMs = busyMs;
    this.#allMs = allMs;
    return { cpuPercent, memoryPercent: Math.ceil(100 * (1 - freemem() / totalmem())) };
  }
}
