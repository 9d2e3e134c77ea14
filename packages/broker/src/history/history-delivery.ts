import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { MessageHistory } from './message-history.ts';
import { HistoryJob, type HistoryReceiver } from './reading-job.ts';

/** After files could not be read they are tried again. */
const RETRY_MS = 1000;
/** What is being flushed is looked at again after this. */
const IDLE_MS = 20;

/** The readings of one session: they take turns, a page each, so that a session keeps one page in memory at most. */
class Lane {
  readonly session: object;
  jobs: HistoryJob[] = [];
  /** In line, reading, or waiting until the session can take more. */
  isUnderWay = false;

  constructor(session: object) {
    this.session = session;
  }
}

/**
 * Reads the history at the pace of those who read. A few sessions read at the same time, a page each, and then stand in line again:
 * one that reads a million messages delays nobody. Who cannot take more leaves the line, and comes back when it can.
 */
export class HistoryDelivery {
  readonly #history: MessageHistory;
  readonly #readersMax: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Of the sessions that read. */
  readonly #lanes = new Map<object, Lane>();
  readonly #line = new Set<Lane>();
  #reading = 0;

  constructor(history: MessageHistory, readersMax: number, clock: Clock, log: Logger) {
    this.#history = history;
    this.#readersMax = readersMax;
    this.#clock = clock;
    this.#log = log;
  }

  /** How many readings are under way for a session. */
  readingsOf(session: object): number {
    return this.#lanes.get(session)?.jobs.reduce((count, { receiver }) => count + (receiver.isClosed() ? 0 : 1), 0) ?? 0;
  }

  /** Begins to read where the receiver stands. */
  start(receiver: HistoryReceiver): void {
    const session = receiver.pacedAs;
    let lane = this.#lanes.get(session);
    if (lane === undefined) {
      lane = new Lane(session);
      this.#lanes.set(session, lane);
    }
    lane.jobs.push(new HistoryJob(receiver, this.#history));
    if (!lane.isUnderWay) this.#enqueue(lane);
  }

  #enqueue(lane: Lane): void {
    lane.isUnderWay = true;
    this.#line.add(lane);
    this.#advance();
  }

  #advance(): void {
    for (const lane of this.#line) {
      if (this.#reading >= this.#readersMax) return;
      this.#line.delete(lane);
      lane.jobs = lane.jobs.filter((job) => !job.isFinished && !job.receiver.isClosed());
      const [job] = lane.jobs;
      if (job === undefined) {
        lane.isUnderWay = false;
        this.#lanes.delete(lane.session);
      } else if (job.receiver.isReady()) {
        this.#reading += 1;
        void this.#run(lane, job);
      } else job.receiver.onReady(() => this.#enqueue(lane));
    }
  }

  /** One turn of a session. Rejects only for a bug of ours. */
  async #run(lane: Lane, job: HistoryJob): Promise<void> {
    try {
      await job.step();
      // The next page is another reading's; a page that is not taken whole keeps its turn.
      if (job.isPageTaken) lane.jobs.push(lane.jobs.shift()!);
      // The event loop turns between pages.
      await setImmediate();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#log.error({ err: error }, 'the history could not be read; it is tried again');
      job.reopen();
      this.#clock.after(RETRY_MS, () => this.#enqueue(lane));
      return;
    } finally {
      this.#reading -= 1;
      this.#advance();
    }
    if (job.isIdle) this.#clock.after(IDLE_MS, () => this.#enqueue(lane));
    else this.#enqueue(lane);
  }
}
