// HOT
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { Batch, type Store } from './store.ts';

/** Whoever has durable state to write. */
export interface Participant {
  /** Called once for each batch that it joined, when the batch is sealed: writes what is pending at that moment. */
  persist(batch: Batch): void;
  /** The batch's outcome. After an error nothing of it was applied, and what must not be lost joins again. */
  settled(error: OperationalError | null): void;
}

/** Whoever holds an acknowledgement back until it is true. */
export interface Waiter {
  /** Every batch up to and including `sequence` is settled; `error` is the outcome of `sequence` itself. */
  onDurable(sequence: number, error: OperationalError | null): void;
}

class Group {
  readonly leaders: Participant[] = [];
  readonly participants: Participant[] = [];
  readonly waiters: Waiter[] = [];
}

/** Somebody waits until the batch `sequence` and all before it are on disk. */
interface Flush {
  readonly sequence: number;
  readonly resolve: () => void;
}

/** After a refusal the next attempt waits so long: often enough to resume soon, rarely enough to cost nothing. */
const RETRY_MS = 250;
const probeKey = Buffer.from('probe');
/** A probe takes about a page, so that its success means room. */
const probeValue = Buffer.alloc(2048);

/**
 * Group commit. Everything durable that happens before a batch is sealed goes into one transaction. A batch is sealed at
 * the end of a turn of the event loop, or when the transaction before it is on disk: under load a transaction carries what
 * came in during the one before. A participant decides at sealing what still has to be written, so that a
 * message whose readers have acknowledged it meanwhile is never written at all.
 */
export class Committer {
  /** The number of the batch that is open now. */
  sequence = 1;
  /** True from a commit that failed for want of space until one succeeds: what needs the disk is refused meanwhile. */
  isFull = false;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onFailed: (error: OperationalError) => void;
  #open = new Group();
  #inFlight: Group | null = null;
  #isScheduled = false;
  #flushes: Flush[] = [];

  /** `onFailed` is told of a failed write or flush, after which nothing is committed any more (never retried). */
  constructor(store: Store, clock: Clock, onFailed: (error: OperationalError) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /** Adds a participant to the open batch. It joins once per batch: the participant keeps that mark. */
  join(participant: Participant): void {
    this.#open.participants.push(participant);
    this.#schedule();
  }

  /** Like `join`, for one on whose writing the others depend (the log): it persists before all of them. */
  joinFirst(participant: Participant): void {
    this.#open.leaders.push(participant);
    this.#schedule();
  }

  /** Tells `waiter` when everything that joined up to now is on disk; returns the sequence that it will hear. */
  whenDurable(waiter: Waiter): number {
    this.#open.waiters.push(waiter);
    this.#schedule();
    return this.sequence;
  }

  /** Resolves when everything that joined up to now is on disk, with null, or with why it is not. */
  durable(): Promise<OperationalError | null> {
    return new Promise((resolve) => {
      this.whenDurable({ onDurable: (_sequence, error) => resolve(error) });
    });
  }

  /** Resolves when everything that joined before the call is on disk, however much joins meanwhile. */
  flush(): Promise<void> {
    if (this.#inFlight === null && !this.#isScheduled) return Promise.resolve();
    const sequence = this.#isScheduled ? this.sequence : this.sequence - 1;
    return new Promise((resolve) => this.#flushes.push({ sequence, resolve }));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (this.#inFlight === null) setImmediate(() => this.#seal());
  }

  #seal(): void {
    const group = this.#open;
    const sequence = this.sequence;
    const batch = new Batch();
    for (const leader of group.leaders) leader.persist(batch);
    for (const participant of group.participants) participant.persist(batch);
    if (this.isFull && batch.isEmpty) batch.put('meta', probeKey, probeValue);
    this.#open = new Group();
    this.sequence += 1;
    this.#isScheduled = false;
    this.#inFlight = group;
    if (batch.isEmpty) {
      this.#settle(group, sequence, null);
      return;
    }
    this.#store.commit(batch).then(
      () => this.#settle(group, sequence, null),
      (error: unknown) => this.#settle(group, sequence, asOperational(error)),
    );
  }

  #settle(group: Group, sequence: number, error: OperationalError | null): void {
    // What was refused and waits for its next attempt when the broker stops is not tried any more.
    if (error?.code === 'store.closed') return;
    if (error !== null && !error.retryable) {
      this.#onFailed(error);
      return;
    }
    this.isFull = error !== null;
    for (const leader of group.leaders) leader.settled(error);
    for (const participant of group.participants) participant.settled(error);
    for (const waiter of group.waiters) waiter.onDurable(sequence, error);
    // ORDER: only now, so that whoever joins again while it is told does not schedule the next batch besides.
    this.#inFlight = null;
    if (error !== null) {
      this.#isScheduled = true;
      this.#clock.after(RETRY_MS, () => this.#seal());
    } else if (this.#isScheduled) {
      setImmediate(() => this.#seal());
    }
    if (this.#flushes.length > 0) this.#settleFlushes(sequence, error !== null);
  }

  /** What was refused joins again, so a flush that waited for it waits for the batch that is open now. */
  #settleFlushes(sequence: number, isRefused: boolean): void {
    const due = this.#flushes.filter((flush) => flush.sequence <= sequence);
    this.#flushes = this.#flushes.filter((flush) => flush.sequence > sequence);
    if (isRefused) this.#flushes.push(...due.map(({ resolve }) => ({ sequence: this.sequence, resolve })));
    else for (const { resolve } of due) resolve();
  }
}

function asOperational(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error;
  return new OperationalError('store.failed', `the store failed: ${String(error)}`, { cause: error });
}
