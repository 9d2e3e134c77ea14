/** Time enters the house here, so that a test can hold the hands. */

export interface Clock {
  /** Wall clock, milliseconds since 1970. It may jump: use it only for deadlines that must survive a restart. */
  wallMs(): number;
  /** Milliseconds that only grow, from an arbitrary start: for every interval inside one process. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; returns what cancels it. Coarse uses belong on a TimerWheel. */
  after(delayMs: number, callback: () => void): Cancel;
}

export type Cancel = () => void;

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
