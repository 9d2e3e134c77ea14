import { setImmediate } from 'node:timers/promises';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { Message } from '#message/message.ts';
import type { RetainedCursor } from './retained-cursor.ts';
import type { Retained } from './retained.ts';

/** Whoever gets retained messages: a session, for one subscription. */
export interface RetainedReceiver {
  /** Only called while `isReady`. */
  offerRetained(message: Message): void;
  /** Whether another message can be taken now. */
  isReady(): boolean;
  /** Calls back once, when `isReady` has become true or nothing more is wanted. */
  onReady(callback: () => void): void;
  /** True when nothing more is wanted. */
  isClosed(): boolean;
}

/** Messages of one turn: a reader takes turns with the others. */
const PAGE_MESSAGES_MAX = 64;

/** One subscription's reading; it stands in at most one line. */
class Job {
  readonly cursor: RetainedCursor;
  readonly receiver: RetainedReceiver;
  next: Job | null = null;

  constructor(cursor: RetainedCursor, receiver: RetainedReceiver) {
    this.cursor = cursor;
    this.receiver = receiver;
  }
}

/**
 * Delivers retained messages at the pace of those who get them. A few subscriptions read at the same time, a page each,
 * and then stand in line again: one that reads a million messages delays nobody. Who cannot take more leaves the line,
 * with nothing read ahead, and comes back when it can.
 */
export class RetainedDelivery {
  readonly #retained: Retained;
  readonly #readersMax: number;
  readonly #log: Logger;
  #first: Job | null = null;
  #last: Job | null = null;
  #reading = 0;

  constructor(retained: Retained, readersMax: number, log: Logger) {
    this.#retained = retained;
    this.#readersMax = readersMax;
    this.#log = log;
  }

  /** Begins to deliver what is retained now. The subscription must stand already: what is set later comes by it. */
  start(filter: string, receiver: RetainedReceiver): void {
    this.#enqueue(new Job(this.#retained.read(filter), receiver));
  }

  #enqueue(job: Job): void {
    if (this.#last === null) this.#first = job;
    else this.#last.next = job;
    this.#last = job;
    this.#advance();
  }

  #advance(): void {
    while (this.#reading < this.#readersMax && this.#first !== null) {
      const job = this.#first;
      this.#first = job.next;
      if (job.next === null) this.#last = null;
      job.next = null;
      // ORDER: before `#run`, which would come back here for each of them: a client may wait with 100,000 subscriptions.
      if (job.receiver.isClosed()) continue;
      if (!job.receiver.isReady()) {
        job.receiver.onReady(() => this.#enqueue(job));
        continue;
      }
      this.#reading += 1;
      void this.#run(job);
    }
  }

  /** One turn of a job that can go on. Rejects only for a bug of ours. */
  async #run(job: Job): Promise<void> {
    const { cursor } = job;
    try {
      offerPage(await cursor.step(PAGE_MESSAGES_MAX), job);
      // The event loop turns between pages.
      await setImmediate();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#log.error({ error }, 'retained messages could not be read; a subscriber does not get them');
      return;
    } finally {
      this.#reading -= 1;
      this.#advance();
    }
    if (!cursor.isDone) this.#enqueue(job);
  }
}

/** Offers what the receiver takes now; the rest is read again, since it may change before its turn comes. */
function offerPage(messages: readonly Message[], { cursor, receiver }: Job): void {
  for (const message of messages) {
    if (receiver.isClosed()) return;
    if (!receiver.isReady() || !cursor.isCurrent) {
      cursor.putBack(message);
      return;
    }
    receiver.offerRetained(message);
  }
}
