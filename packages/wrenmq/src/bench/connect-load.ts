import { GeneratorLoad, type MeasuredLoad } from './generator-load.ts';
import { type EncodedHistogram, LatencyHistogram } from './latency-histogram.ts';
import { pace } from './pacer.ts';
import { PreciseClock } from './precise-clock.ts';
import { Schedule } from './schedule.ts';

export interface ConnectLoadOptions {
  readonly count: number;
  /** Per second; 0: as fast as `window` attempts at a time allow. */
  readonly rate: number;
  readonly rampMs: number;
  readonly window: number;
  readonly interrupted: AbortSignal;
}

/** Nothing but data: it goes from thread to thread. */
export interface ConnectOutcome {
  readonly connected: number;
  /** How many attempts failed, by what was said. */
  readonly failures: ReadonlyMap<string, number>;
  readonly elapsedMs: number;
  /** From the time when the attempt was intended to its success. */
  readonly latency: EncodedHistogram;
  readonly scheduleDelay: EncodedHistogram;
  readonly load: MeasuredLoad;
}

/** Makes `count` attempts, each at its time; resolves when all have ended. */
export async function connectLoad(options: ConnectLoadOptions, attempt: (index: number) => Promise<void>): Promise<ConnectOutcome> {
  const { count, rate, rampMs, window, interrupted } = options;
  const [latency, scheduleDelay] = [new LatencyHistogram(), new LatencyHistogram()];
  const failures = new Map<string, number>();
  using clock = rate === 0 ? null : await PreciseClock.open();
  const load = new GeneratorLoad();
  load.start();
  const startMs = performance.now();
  let connected = 0;
  const tryOne = async (index: number, dueMs: number): Promise<void> => {
    try {
      await attempt(index);
      connected += 1;
      latency.record(performance.now() - dueMs);
    } catch (error) {
      const { message } = error as Error;
      failures.set(message, (failures.get(message) ?? 0) + 1);
    }
  };
  if (clock === null) {
    let next = 0;
    const oneByOne = async (): Promise<void> => {
      while (next < count && !interrupted.aborted) await tryOne(next++, performance.now());
    };
    await Promise.all(Array.from({ length: Math.min(window, count) }, oneByOne));
  } else {
    const schedule = new Schedule(rate, rampMs);
    const attempts: Promise<void>[] = [];
    const step = (now: number): number | null => {
      const due = Math.min(count, schedule.countAt(now - startMs));
      while (attempts.length < due) {
        const dueMs = startMs + schedule.dueMs(attempts.length);
        scheduleDelay.record(Math.max(0, now - dueMs));
        attempts.push(tryOne(attempts.length, dueMs));
      }
      return interrupted.aborted || attempts.length === count ? null : startMs + schedule.dueMs(attempts.length);
    };
    await pace(clock, step);
    await Promise.all(attempts);
  }
  const elapsedMs = performance.now() - startMs;
  return { connected, failures, elapsedMs, latency: latency.encode(), scheduleDelay: scheduleDelay.encode(), load: load.stop() };
}
