export interface Backoff {
  /** Milliseconds. */
  readonly minDelay: number;
  /** Milliseconds. */
  readonly maxDelay: number;
  readonly factor: number;
  /** 'full': anything between 0 and the delay; 'equal': between half of it and all; 'none': all. */
  readonly jitter: 'full' | 'equal' | 'none';
}

/** Milliseconds to wait after so many failures (1: the first); `random` gives numbers from 0 to below 1. */
export function backoffDelay(backoff: Backoff, failures: number, random: () => number): number {
  const delay = Math.min(backoff.maxDelay, backoff.minDelay * backoff.factor ** (failures - 1));
  if (backoff.jitter === 'none') return delay;
  return backoff.jitter === 'full' ? random() * delay : (delay + random() * delay) / 2;
}
