import { type EncodedHistogram, LatencyHistogram } from './latency-histogram.ts';
import { GeneratorLoad, type MeasuredLoad } from './generator-load.ts';
import { machineClockOffsetMs } from './stamp.ts';

export interface StormOptions {
  /** Attempts under way at a time. */
  readonly window: number;
  /** Who is not served so long after the cut is given up. */
  readonly timeoutMs: number;
  readonly interrupted: AbortSignal;
  /** On the machine's clock: the moment of the cut. */
  readonly startMs: number;
}

/** Who comes back in a storm. */
export interface StormClient {
  cut(): void;
  /** Connects again; rejects with what the broker, or the system, says. Tells whether the broker still had the session. */
  comeBack(): Promise<boolean>;
}

/** Nothing but data: it goes from thread to thread. */
export interface StormOutcome {
  readonly clients: number;
  readonly served: number;
  readonly sessionsResumed: number;
  /** Attempts that failed, by what was said; each was tried again. */
  readonly failures: ReadonlyMap<string, number>;
  /** From the cut until the last one was served, or until the end where not all were. */
  readonly elapsedMs: number;
  /** From the cut to CONNACK, of each. */
  readonly latency: EncodedHistogram;
  readonly load: MeasuredLoad;
}

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1000;

/** Cuts all connections at one moment, and has all come back at once. Who fails tries again, a little later each time, at random. */
export async function reconnectStorm(clients: readonly StormClient[], options: StormOptions): Promise<StormOutcome> {
  const { window, timeoutMs, interrupted } = options;
  const load = new GeneratorLoad();
  const latency = new LatencyHistogram();
  const failures = new Map<string, number>();
  const startMs = options.startMs - machineClockOffsetMs();
  await pause(startMs - performance.now());
  load.start();
  for (const client of clients) client.cut();
  let [served, sessionsResumed, next, lastMs] = [0, 0, 0, startMs];
  const isOver = (): boolean => interrupted.aborted || performance.now() - startMs > timeoutMs;
  const serve = async (client: StormClient): Promise<void> => {
    for (let retryMs = RETRY_FIRST_MS; !isOver(); retryMs = Math.min(RETRY_MAX_MS, retryMs * 2)) {
      try {
        if (await client.comeBack()) sessionsResumed += 1;
        lastMs = performance.now();
        latency.record(lastMs - startMs);
        served += 1;
        return;
      } catch (error) {
        const { message } = error as Error;
        failures.set(message, (failures.get(message) ?? 0) + 1);
        await pause(retryMs * Math.random());
      }
    }
  };
  const oneByOne = async (): Promise<void> => {
    while (next < clients.length) await serve(clients[next++]);
  };
  await Promise.all(Array.from({ length: Math.min(window, clients.length) }, oneByOne));
  const elapsedMs = (served === clients.length ? lastMs : performance.now()) - startMs;
  return { clients: clients.length, served, sessionsResumed, failures, elapsedMs, latency: latency.encode(), load: load.stop() };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, Math.max(0, ms)));
}
