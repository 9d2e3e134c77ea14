import { Deferred } from './deferred.ts';
import { MqttError } from './mqtt-error.ts';
import type { Surroundings } from './surroundings.ts';

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

/**
 * Calls `onEnd` once when the signal is aborted (ABORTED) or the time is over (TIMEOUT), at once when the signal is aborted already.
 * @returns what ends the watch.
 */
export function limitWait(surroundings: Surroundings, { signal, timeout }: WaitOptions, onEnd: (error: MqttError) => void): () => void {
  const cancelTimer = timeout === undefined ? undefined : surroundings.after(timeout, () => end(new MqttError('TIMEOUT', 'timed out')));
  const onAbort = (): void => end(abortError(signal!));
  const stop = (): void => {
    cancelTimer?.();
    signal?.removeEventListener('abort', onAbort);
  };
  const end = (error: MqttError): void => {
    stop();
    onEnd(error);
  };
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  return stop;
}

/** What a promise gives, unless signal or timeout end the waiting before. */
export function limited<T>(surroundings: Surroundings, promise: Promise<T>, wait: WaitOptions): Promise<T> {
  const { promise: bounded, resolve, reject } = new Deferred<T>();
  const stop = limitWait(surroundings, wait, reject);
  bounded.then(stop, stop);
  promise.then(resolve, reject);
  return bounded;
}

export function abortError(signal: AbortSignal): MqttError {
  return new MqttError('ABORTED', 'aborted', { cause: signal.reason });
}
