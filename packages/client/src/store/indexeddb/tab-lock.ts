import { MqttError } from '#base/mqtt-error.ts';

/** The part of `navigator.locks` that is used. */
export interface LockMaker {
  request(name: string, options: { signal: AbortSignal }, whileHeld: () => Promise<void>): Promise<void>;
}

/** A page that is being reloaded holds its lock a moment longer than the new one waits to come. */
const WAIT_MS_MAX = 1_000;

/** Keeps other tabs out of a session. Rejects with MqttError SESSION_LOCKED. @returns what frees it. */
export function acquireTabLock(locks: LockMaker, name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), WAIT_MS_MAX);
    const whileHeld = (): Promise<void> => {
      clearTimeout(timer);
      return new Promise((release) => resolve(release));
    };
    locks.request(name, { signal: waiting.signal }, whileHeld).catch((cause: unknown) => {
      clearTimeout(timer);
      reject(
        waiting.signal.aborted
          ? new MqttError('SESSION_LOCKED', `another tab has the session open (${name})`, { retryable: true })
          : new MqttError('STORE', `the session cannot be locked: ${(cause as Error).message}`, { cause }),
      );
    });
  });
}
