/** The world of a client, so that tests can hold its hands. */
export interface Surroundings {
  /** Milliseconds that never go back. */
  readonly monotonicMs: () => number;
  /** Epoch milliseconds. */
  readonly wallMs: () => number;
  /** @returns what takes the timer back. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** 0 to below 1. */
  readonly random: () => number;
  /** Calls at the end of this turn, when what belongs together has been written. */
  readonly soon: (callback: () => void) => void;
}

const longestMs = 2 ** 31 - 1;

/** The real one. */
export const realSurroundings: Surroundings = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, longestMs));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  // Where there is setImmediate, all microtasks of the turn have run before it. A browser's function refuses to be a method of something else.
  soon: (globalThis as { setImmediate?: (callback: () => void) => void }).setImmediate ?? ((callback) => queueMicrotask(callback)),
};
