/** Time, as a test may hold it. */
export interface PacerClock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back after so many milliseconds, or a little later. */
  later(delayMs: number, callback: () => void): void;
  /** Calls back in the next turn of the event loop, after what has come from the network. */
  soon(callback: () => void): void;
}

/** Waking for each of many messages costs more than sending them: what is due so soon after another goes with the next step. */
const STEP_MS = 0.25;

/**
 * Calls `step` whenever it says that it has something to do: it returns the time when it wants to be called next, or null at the end.
 * Between two steps the event loop goes round, so that answers are seen when they come, and sleeps.
 */
export function pace(clock: PacerClock, step: (now: number) => number | null): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const turn = (): void => {
    try {
      const now = clock.now();
      const next = step(now);
      if (next === null) return ended.resolve();
      if (next <= now) clock.soon(turn);
      else clock.later(Math.max(next - now, STEP_MS), turn);
    } catch (error) {
      ended.reject(error);
    }
  };
  turn();
  return ended.promise;
}
