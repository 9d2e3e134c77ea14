import { MqttError } from '#base/mqtt-error.ts';

/** The broker could not be reached: `place` is what a person would call it, `mqtt.example:1883`. */
export function cannotOpen(place: string, cause: unknown): MqttError {
  return new MqttError('DISCONNECTED', `cannot connect to ${place}: ${describe(cause)}`, { cause, retryable: true });
}

/** An open transport ended without our doing. */
export function lost(place: string, why: string, cause?: unknown): MqttError {
  const detail = cause === undefined ? '' : `: ${describe(cause)}`;
  return new MqttError('DISCONNECTED', `${why} ${place}${detail}`, { cause, retryable: true });
}

export function aborted(place: string, signal: AbortSignal): MqttError {
  return new MqttError('ABORTED', `connecting to ${place} was given up`, { cause: signal.reason });
}

export function invalid(message: string, cause?: unknown): MqttError {
  return new MqttError('INVALID', message, { cause });
}

function describe(cause: unknown): string {
  // Several addresses of one name, each with its own reason.
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(describe).join('; ');
  if (!(cause instanceof Error)) return String(cause);
  const { code, reason } = cause as { code?: unknown; reason?: unknown };
  // OpenSSL wraps it in addresses and file names.
  if (typeof reason === 'string') return reason;
  return cause.message === '' ? (typeof code === 'string' ? code : cause.name) : cause.message;
}
