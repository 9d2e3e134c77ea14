import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { Message } from '#message/message.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import { withAuthor } from './retained-copy.ts';
import type { RetainedCursor } from './retained-cursor.ts';
import type { Retained } from './retained.ts';

/** Whoever gets retained messages: a session, for one subscription. */
export interface RetainedReceiver {
  /** Whose pace it is: that of a session, whatever the number of its subscriptions. */
  readonly pacedAs: object;
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

/** How fast one session is given retained messages, and who waits for that. */
class Pace {
  readonly perSecond: number;
  readonly bucket: TokenBucket;
  readonly waiting: Job[] = [];

  constructor(clock: Clock, perSecond: number) {
    this.perSecond = perSecond;
    // A tenth of a second's worth at once.
    this.bucket = new TokenBucket(clock, perSecond, Math.max(1, perSecond / 10));
  }
}

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
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Of sessions that have been given retained messages at a limited rate. */
  readonly #paces = new WeakMap<object, Pace>();
  #first: Job | null = null;
  #last: Job | null = null;
  #reading = 0;

  constructor(retained: Retained, readersMax: number, clock: Clock, log: Logger) {
    this.#retained = retained;
    this.#readersMax = readersMax;
    this.#clock = clock;
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
      const pace = this.#paceOf(job.receiver);
      if (pace !== null && pace.bucket.available < 1) {
        this.#wait(job, pace);
        continue;
      }
      this.#reading += 1;
      void this.#run(job, pace);
    }
  }

  /** Null when there is no limit. */
  #paceOf({ pacedAs }: RetainedReceiver): Pace | null {
    const perSecond = this.#retained.settings.deliveryRatePerSecond;
    if (perSecond === Infinity) return null;
    let pace = this.#paces.get(pacedAs);
    if (pace === undefined || pace.perSecond !== perSecond) {
      pace = new Pace(this.#clock, perSecond);
      this.#paces.set(pacedAs, pace);
    }
    return pace;
  }

  /** One timer for a session: when it goes off, one of its readings goes on, and the next waits. */
  #wait(job: Job, pace: Pace): void {
    pace.waiting.push(job);
    if (pace.waiting.length === 1) this.#wake(pace);
  }

  #wake(pace: Pace): void {
    this.#clock.after(pace.bucket.waitMs, () => {
      const job = pace.waiting.shift();
      if (pace.waiting.length > 0) this.#wake(pace);
      if (job !== undefined) this.#enqueue(job);
    });
  }

  /** One turn of a job that can go on. Rejects only for a bug of ours. */
  async #run(job: Job, pace: Pace | null): Promise<void> {
    const { cursor } = job;
    try {
      const limit = pace === null ? PAGE_MESSAGES_MAX : Math.max(1, Math.min(PAGE_MESSAGES_MAX, Math.floor(pace.bucket.available)));
      const offered = offerPage(await cursor.step(limit), job, this.#retained.settings.tellAuthor);
      pace?.bucket.spend(offered);
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

/** Offers what the receiver takes now, and tells how much; the rest is read again, since it may change before its turn comes. */
function offerPage(messages: readonly Message[], { cursor, receiver }: Job, tellAuthor: boolean): number {
  for (const [index, message] of messages.entries()) {
    if (receiver.isClosed()) return index;
    if (!receiver.isReady() || !cursor.isCurrent) {
      cursor.putBack(message);
      return index;
    }
    receiver.offerRetained(tellAuthor ? withAuthor(message) : message);
  }
  return messages.length;
}
