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

/** What is listed, and since when, by a clock that does not jump. */
interface Listed {
  readonly entry: SlowSubscription;
  readonly atMs: number;
}

/** The slowest, one for each client and topic, at most so many. */
export class Slowest {
  readonly #listed = new Map<string, Listed>();
  readonly #entriesMax: number;
  /** What is not slower need not be looked at: the least that is listed when there is no room. */
  #floorMs = -1;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#listed.size;
  }

  offer(entry: SlowSubscription, atMs: number): void {
    if (entry.timespanMs <= this.#floorMs) return;
    // A client identifier has no U+0000, so that no two pairs make the same key.
    const key = `${entry.clientId}\0${entry.topic}`;
    const known = this.#listed.get(key);
    if (known !== undefined && known.entry.timespanMs >= entry.timespanMs) return;
    this.#listed.set(key, { entry, atMs });
    if (this.#listed.size > this.#entriesMax) this.#listed.delete(this.#fastest());
    this.#floorMs = this.#listed.size < this.#entriesMax ? -1 : this.#listed.get(this.#fastest())!.entry.timespanMs;
  }

  /** Puts in what another list has, as old as it is there, from so many milliseconds on. */
  take(others: Slowest, fromMs: number): void {
    for (const { entry, atMs } of others.#listed.values()) if (entry.timespanMs >= fromMs) this.offer(entry, atMs);
  }

  /** Takes out what was slowest before then. */
  expire(beforeMs: number): void {
    for (const [key, { atMs }] of this.#listed) if (atMs < beforeMs) this.#listed.delete(key);
    if (this.#listed.size < this.#entriesMax) this.#floorMs = -1;
  }

  /** The slowest first. */
  list(): SlowSubscription[] {
    return Array.from(this.#listed.values(), ({ entry }) => entry).toSorted((a, b) => b.timespanMs - a.timespanMs);
  }

  #fastest(): string {
    let fastest = '';
    let leastMs = Infinity;
    for (const [key, { entry }] of this.#listed) {
      if (entry.timespanMs >= leastMs) continue;
      fastest = key;
      leastMs = entry.timespanMs;
    }
    return fastest;
  }
}
