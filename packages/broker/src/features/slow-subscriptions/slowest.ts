/**
 * What took the time. client: it did not acknowledge, or not read. inflight: it had as many unacknowledged messages as it takes. queue:
 * others were before it. broker: none of these, so it was the broker or its disk.
 */
export type SlowCause = 'client' | 'inflight' | 'queue' | 'broker';

export interface SlowSubscription {
  readonly clientId: string;
  readonly topic: string;
  /** The longest of late. */
  readonly timespanMs: number;
  readonly cause: SlowCause;
  /** When that was, wall clock, milliseconds. */
  readonly lastUpdateMs: number;
}

/** The slowest, one for each client and topic, at most so many. */
export class Slowest {
  readonly #entries = new Map<string, SlowSubscription>();
  readonly #entriesMax: number;
  /** What is not slower need not be looked at: the least that is listed when there is no room. */
  #floorMs = -1;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  offer(entry: SlowSubscription): void {
    if (entry.timespanMs <= this.#floorMs) return;
    // A client identifier has no U+0000, so that no two pairs make the same key.
    const key = `${entry.clientId}\0${entry.topic}`;
    const known = this.#entries.get(key);
    if (known !== undefined && known.timespanMs >= entry.timespanMs) return;
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#entriesMax) this.#entries.delete(this.#fastest());
    this.#floorMs = this.#entries.size < this.#entriesMax ? -1 : this.#entries.get(this.#fastest())!.timespanMs;
  }

  /** Takes out what was slowest before then. */
  expire(beforeMs: number): void {
    for (const [key, { lastUpdateMs }] of this.#entries) if (lastUpdateMs < beforeMs) this.#entries.delete(key);
    if (this.#entries.size < this.#entriesMax) this.#floorMs = -1;
  }

  /** The slowest first. */
  list(): SlowSubscription[] {
    return Array.from(this.#entries.values()).toSorted((a, b) => b.timespanMs - a.timespanMs);
  }

  #fastest(): string {
    let fastest = '';
    let leastMs = Infinity;
    for (const [key, { timespanMs }] of this.#entries) {
      if (timespanMs >= leastMs) continue;
      fastest = key;
      leastMs = timespanMs;
    }
    return fastest;
  }
}
