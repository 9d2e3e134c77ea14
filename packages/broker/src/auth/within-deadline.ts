import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';

/** Settles as `answer` does, or rejects with the code `timeout` when that takes longer than `timeoutMs`. */
export function withinDeadline<T>(clock: Clock, timeoutMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => reject(new OperationalError('timeout', `no answer within ${timeoutMs} ms`)));
    const settle =
      <V>(how: (value: V) => void): ((value: V) => void) =>
      (value) => {
        cancel();
        how(value);
      };
    answer.then(settle(resolve), settle(reject));
  });
}
