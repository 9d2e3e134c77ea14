import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Connection } from '#connection/connect-options.ts';
import type { BenchPlan } from './bench-plan.ts';
import type { ConnectOutcome } from './connect-load.ts';
import type { RunIdentity } from './crowd.ts';
import type { Seat } from './run-board.ts';
import type { Runner } from './runner.ts';
import type { SliceOutcome } from './slice.ts';
import { machineClockOffsetMs } from './stamp.ts';

/** What a worker is given. Nothing but data. */
export interface WorkerTask {
  readonly plan: BenchPlan;
  readonly connection: Pick<Connection, 'url' | 'options' | 'flags'>;
  readonly identity: RunIdentity;
  readonly seat: Seat;
}

/** What a worker is told to do; it answers each but the interruption with what came of it. */
export type WorkerOrder =
  | { readonly kind: 'connect' }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'disperse' }
  /** On the machine's clock. */
  | { readonly kind: 'load'; readonly startMs: number };

/** From the order to load to its beginning, so that all begin together. */
const LEAD_MS = 100;

/** Each slice of the run has a thread of its own. */
export class WorkerRunner implements Runner {
  readonly #workers: readonly Worker[];
  readonly #failed = Promise.withResolvers<never>();

  constructor(tasks: readonly WorkerTask[], interrupted: AbortSignal) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const file = new URL(`./bench-worker.${extension}`, import.meta.url);
    this.#workers = tasks.map((workerData) => new Worker(file, { workerData }));
    for (const worker of this.#workers) worker.on('error', (error) => this.#failed.reject(error));
    // Whoever waits for an answer hears of it.
    this.#failed.promise.catch(() => {});
    interrupted.addEventListener('abort', () => this.#tell({ kind: 'interrupt' }), { once: true });
  }

  connect(): Promise<readonly ConnectOutcome[]> {
    return this.#ask({ kind: 'connect' });
  }

  load(): Promise<readonly SliceOutcome[]> {
    return this.#ask({ kind: 'load', startMs: performance.now() + machineClockOffsetMs() + LEAD_MS });
  }

  async disperse(): Promise<void> {
    try {
      await this.#ask({ kind: 'disperse' });
    } finally {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    }
  }

  #ask<Answer>(order: WorkerOrder): Promise<readonly Answer[]> {
    const answers = this.#workers.map(async (worker) => ((await once(worker, 'message')) as [Answer])[0]);
    this.#tell(order);
    return Promise.race([Promise.all(answers), this.#failed.promise]);
  }

  #tell(order: WorkerOrder): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads of Node.js, not windows
    for (const worker of this.#workers) worker.postMessage(order);
  }
}

/** Without what belongs to one thread: functions, and what only other commands need. */
export function workerTask(plan: BenchPlan, connection: Connection, identity: RunIdentity, seat: Seat): WorkerTask {
  const { url, flags } = connection;
  const { transport: _transport, ...options } = connection.options;
  return { plan: { ...plan, thresholds: [] }, connection: { url, options, flags }, identity, seat };
}
