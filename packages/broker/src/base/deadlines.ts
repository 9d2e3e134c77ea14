import type { Cancel, Clock } from './clock.ts';

/** What waits for its hour. The place in the heap is kept here, so that a change of mind costs O(log n). */
export interface Deadline {
  /** Wall clock, milliseconds. */
  atMs: number;
  /** Index in the heap, -1 when not scheduled. */
  place: number;
  onDeadline(): void;
}

/** No timer of the machine sleeps longer; a later deadline is looked at again then. */
const SLEEP_MS_MAX = 60_000;

/** Deadlines by the wall clock, which must survive a restart: a binary heap behind one timer, looked at least once a minute. */
export class Deadlines {
  readonly #clock: Clock;
  #heap: Deadline[] = [];
  #cancel: Cancel | null = null;
  #wakesAtMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#heap.length;
  }

  schedule(deadline: Deadline, atMs: number): void {
    this.cancel(deadline);
    deadline.atMs = atMs;
    deadline.place = this.#heap.length;
    this.#heap.push(deadline);
    this.#rise(deadline);
    if (atMs < this.#wakesAtMs) this.#arm();
  }

  cancel(deadline: Deadline): void {
    if (deadline.place < 0) return;
    const last = this.#heap.pop()!;
    if (last !== deadline) {
      this.#heap[deadline.place] = last;
      last.place = deadline.place;
      this.#rise(last);
      this.#sink(last);
    }
    deadline.place = -1;
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    for (const deadline of this.#heap.splice(0)) deadline.place = -1;
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#wakesAtMs = Infinity;
    const first = this.#heap[0];
    if (first === undefined) return;
    const sleepMs = Math.min(Math.max(first.atMs - this.#clock.wallMs(), 0), SLEEP_MS_MAX);
    this.#wakesAtMs = first.atMs;
    this.#cancel = this.#clock.after(sleepMs, () => this.#wake());
  }

  #wake(): void {
    const nowMs = this.#clock.wallMs();
    try {
      for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
        this.cancel(first);
        first.onDeadline();
      }
    } finally {
      // Whatever a deadline throws, the others stay on time.
      this.#arm();
    }
  }

  #rise(deadline: Deadline): void {
    while (deadline.place > 0) {
      const parent = this.#heap[(deadline.place - 1) >> 1];
      if (parent.atMs <= deadline.atMs) return;
      this.#swap(parent, deadline);
    }
  }

  #sink(deadline: Deadline): void {
    for (;;) {
      const left = this.#heap[2 * deadline.place + 1];
      const right = this.#heap[2 * deadline.place + 2];
      const child = right !== undefined && right.atMs < left.atMs ? right : left;
      if (child === undefined || child.atMs >= deadline.atMs) return;
      this.#swap(deadline, child);
    }
  }

  #swap(upper: Deadline, lower: Deadline): void {
    const place = upper.place;
    upper.place = lower.place;
    lower.place = place;
    this.#heap[upper.place] = upper;
    this.#heap[lower.place] = lower;
  }
}
