/** Time enters the house here, so that a test can hold the hands. */

export interface Clock {
  /** Wall clock, milliseconds since 1970. It may jump: use it only for deadlines that must survive a restart. */
  wallMs(): number;
  /** Milliseconds that only grow, from an arbitrary start: for every interval inside one process. */
  monotonicMs(): number;
  /** As `wallMs`, but as of this turn of the event loop: it is read once in a turn, however many ask. For what happens per message. */
  turnWallMs(): number;
  /**
   * As `monotonicMs`, but as of this turn, and a whole number from 1 on: small enough that a field holds it without memory of its
   * own, so that an object can remember its time for nothing. 0 is free to say that there is none.
   */
  turnMs(): number;
  /** Calls `callback` once after `delayMs`; returns what cancels it. Coarse uses belong on a TimerWheel. */
  after(delayMs: number, callback: () => void): Cancel;
}

export type Cancel = () => void;

/** The machine's own clock. Its timers do not keep the process alive. All that it remembers is what time it is. */
export const systemClock: Clock = createSystemClock();

function createSystemClock(): Clock {
  const startMs = performance.now() - 1;
  let isRead = false;
  let turnWallMs = 0;
  let turnMs = 0;
  const forget = (): void => {
    isRead = false;
  };
  const read = (): void => {
    isRead = true;
    turnWallMs = Date.now();
    turnMs = Math.floor(performance.now() - startMs);
    // Runs when this turn has read what has come.
    setImmediate(forget);
  };
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    turnWallMs: () => {
      if (!isRead) read();
      return turnWallMs;
    },
    turnMs: () => {
      if (!isRead) read();
      return turnMs;
    },
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
