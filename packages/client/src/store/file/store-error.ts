import { MqttError } from '#base/mqtt-error.ts';

/** The disk has failed; `retryable` when it may have room again later. */
export function diskError(what: string, cause: unknown): MqttError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const retryable = code === 'ENOSPC' || code === 'EDQUOT';
  return new MqttError('STORE', `the session store ${what}: ${message}`, { cause, retryable });
}

/** What is in a file is not what was written. */
export function damaged(path: string, position: number, what: string): MqttError {
  return new MqttError('STORE', `the session store is damaged: ${path} at byte ${position}: ${what}`);
}
