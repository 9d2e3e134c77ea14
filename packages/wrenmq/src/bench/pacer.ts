/** Time, as a test may hold it. */
export interface PacerClock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back after about so many milliseconds. */
  later(delayMs: number, callback: () => void): void;
  /** Calls back in the next turn of the event loop, after what has come from the network. */
  soon(callback: () => void): void;
}

export const systemClock: PacerClock = {
  now: () => performance.now(),
  later: (delayMs, callback) => void setTimeout(callback, delayMs),
  soon: (callback) => void setImmediate(callback),
};

/** Timers come up to this late, so the rest is waited for by turning. */
const TIMER_SLACK_MS = 1.5;

/**
 * Calls `step` whenever it says that it has something to do: it returns the time when it wants to be called next, or null at the end.
 * Between two steps the event loop goes round, so that answers are seen when they come; it sleeps only when there is time to.
 * `onIdle` is told of the turns in which nothing was waited for but the time.
 */
export function pace(clock: PacerClock, step: (now: number) => number | null, onIdle: (ms: number) => void): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const turn = (): void => {
    try {
      const now = clock.now();
      const next = step(now);
      if (next === null) return ended.resolve();
      const wait = next - now;
      if (wait > TIMER_SLACK_MS) return clock.later(wait - TIMER_SLACK_MS, turn);
      clock.soon(() => {
        onIdle(clock.now() - now);
        turn();
      });
    } catch (error) {
      ended.reject(error);
    }
  };
  turn();
  return ended.promise;
}
