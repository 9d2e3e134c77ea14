import type { Cancel, Clock } from '#base/clock.ts';

/** How often every connection is looked at: the precision of keep alive and time limits. */
export const SWEEP_MS = 500;

/** What the table looks after. */
interface Swept {
  sweep(nowMs: number): void;
}

/** All connections of the broker. One sweep serves every time limit, so that an idle connection needs no timer. */
export class ConnectionTable<C extends Swept = Swept> {
  /**
   * Monotonic time as of the last sweep, whole milliseconds: precise enough for "when was it last heard of", and a small integer
   * costs an idle connection no memory of its own.
   */
  nowMs: number;
  /** Wall clock as of the last bytes that any connection read, milliseconds. */
  wallMs: number;
  readonly #clock: Clock;
  readonly #connections = new Set<C>();
  readonly #emptied: (() => void)[] = [];
  #cancel: Cancel | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = Math.floor(clock.monotonicMs());
    this.wallMs = clock.wallMs();
  }

  get size(): number {
    return this.#connections.size;
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#connections.values();
  }

  start(): void {
    this.#cancel = this.#clock.after(SWEEP_MS, () => {
      this.#sweep();
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  add(connection: C): void {
    this.#connections.add(connection);
  }

  delete(connection: C): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
  }

  /** Resolves when the last connection is gone. */
  whenEmpty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied.push(resolve));
  }

  #sweep(): void {
    this.nowMs = Math.floor(this.#clock.monotonicMs());
    for (const connection of this.#connections) connection.sweep(this.nowMs);
  }
}
