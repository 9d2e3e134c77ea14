import type { Clock } from '#base/clock.ts';
import type { MachineReading } from './machine.ts';

/** So many alarms that are over are kept, and so long. */
const HISTORY_MAX = 1000;
const HISTORY_MS = 24 * 60 * 60 * 1000;

/** In percent of the machine. */
export interface AlarmLimits {
  /** The alarm of the processor comes above `cpuHigh`, and goes below `cpuLow`. */
  readonly cpuHigh: number;
  readonly cpuLow: number;
  readonly memoryHigh: number;
}

/** What there are alarms about. */
export const alarmNames = ['high_cpu_usage', 'high_system_memory_usage', 'store_full'] as const;
export type AlarmName = (typeof alarmNames)[number];

export interface Alarm {
  readonly name: AlarmName;
  readonly message: string;
  readonly details: Readonly<Record<string, number>>;
  /** Wall clock, milliseconds. */
  readonly activatedAtMs: number;
  /** Null while it goes on. */
  readonly deactivatedAtMs: number | null;
}

/** Compares readings with limits; tells of what has become too much, and of what is well again. */
export class Alarms {
  limits: AlarmLimits;
  readonly #clock: Clock;
  readonly #tell: (alarm: Alarm) => void;
  readonly #active = new Map<AlarmName, Alarm>();
  #history: Alarm[] = [];

  constructor(clock: Clock, limits: AlarmLimits, tell: (alarm: Alarm) => void) {
    this.#clock = clock;
    this.limits = limits;
    this.#tell = tell;
  }

  /** Those that go on, the oldest first. */
  get active(): readonly Alarm[] {
    return [...this.#active.values()];
  }

  /** Those that are over, the last first. */
  get history(): readonly Alarm[] {
    return this.#history.toReversed();
  }

  look({ cpuPercent, memoryPercent, isStoreFull }: MachineReading): void {
    const { cpuHigh, cpuLow, memoryHigh } = this.limits;
    const isHot = cpuPercent !== null && cpuPercent > (this.#active.has('high_cpu_usage') ? Math.min(cpuLow, cpuHigh) : cpuHigh);
    this.#settle('high_cpu_usage', isHot, `${cpuPercent}% of the processors are in use`, { usage: cpuPercent ?? 0 });
    const isTight = memoryPercent > memoryHigh;
    this.#settle('high_system_memory_usage', isTight, `${memoryPercent}% of the memory is in use`, { usage: memoryPercent });
    this.#settle('store_full', isStoreFull, 'the disk is full: durable messages are refused', {});
    const fromMs = this.#clock.wallMs() - HISTORY_MS;
    this.#history = this.#history.filter(({ deactivatedAtMs }) => deactivatedAtMs! >= fromMs);
  }

  #settle(name: AlarmName, isActive: boolean, message: string, details: Readonly<Record<string, number>>): void {
    const known = this.#active.get(name);
    if (isActive === (known !== undefined)) return;
    const nowMs = this.#clock.wallMs();
    if (known === undefined) {
      const alarm = { name, message, details, activatedAtMs: nowMs, deactivatedAtMs: null };
      this.#active.set(name, alarm);
      this.#tell(alarm);
      return;
    }
    this.#active.delete(name);
    const ended = { ...known, deactivatedAtMs: nowMs };
    if (this.#history.push(ended) > HISTORY_MAX) this.#history.shift();
    this.#tell(ended);
  }
}

/** As EMQX publishes it: moments in microseconds. */
export function alarmJson({ name, message, details, activatedAtMs, deactivatedAtMs }: Alarm): string {
  return JSON.stringify({
    name,
    details,
    message,
    activate_at: activatedAtMs * 1000,
    deactivate_at: deactivatedAtMs === null ? 'infinity' : deactivatedAtMs * 1000,
    activated: deactivatedAtMs === null,
  });
}
