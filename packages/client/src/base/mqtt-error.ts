/**
 * What can go wrong, as a word to compare with:
 * - `REFUSED`: the broker refused the connection, a subscription or a message; `reasonCode` says why.
 * - `DISCONNECTED`: the connection was lost, or the broker closed it with a `reasonCode`.
 * - `PROTOCOL`: the broker broke the rules of MQTT.
 * - `TIMEOUT`: `timeout` passed. `ABORTED`: `signal` was aborted. `CLOSED`: the client was closed.
 * - `QUEUE_FULL`: `outbound.maxQueued` or `maxQueuedBytes` is reached and `whenFull` is 'reject'.
 * - `OFFLINE`: there is no connection and `outbound.offline` is 'reject'.
 * - `SESSION_LOST`: the broker forgot the session; whether the message arrived is unknown.
 * - `EXPIRED`: the message's expiry passed before it could be sent.
 * - `TOO_LARGE`: the packet is larger than the broker accepts. `NOT_SUPPORTED`: the broker announced that it cannot do it.
 * - `STORE`: the session store failed. `SESSION_LOCKED`: another process or tab has the session store open.
 * - `INVALID`: an argument is wrong; the message says which and how to mend it. `VALIDATION`: a schema refused a value.
 */
export type MqttErrorCode =
  | 'REFUSED'
  | 'DISCONNECTED'
  | 'PROTOCOL'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'CLOSED'
  | 'QUEUE_FULL'
  | 'OFFLINE'
  | 'SESSION_LOST'
  | 'EXPIRED'
  | 'TOO_LARGE'
  | 'NOT_SUPPORTED'
  | 'STORE'
  | 'SESSION_LOCKED'
  | 'INVALID'
  | 'VALIDATION'
  | 'RPC';

export interface MqttErrorOptions {
  /** MQTT 5 reason code, also for a 3.1.1 return code. */
  readonly reasonCode?: number | undefined;
  /** Whether the same call may succeed later. Default false. */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Every error that the client makes. `code` says what went wrong, `reasonCode` what the broker said, `retryable` whether the same may succeed
 * later.
 *
 *     try {
 *       await client.publish('no/wildcards/+', 'x');
 *     } catch (error) {
 *       if (error instanceof MqttError) console.log(error.code, error.reasonCode, error.retryable); // INVALID undefined false
 *     }
 */
export class MqttError extends Error {
  override name = 'MqttError';
  readonly code: MqttErrorCode;
  readonly reasonCode?: number;
  readonly retryable: boolean;

  constructor(code: MqttErrorCode, message: string, options: MqttErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.reasonCode !== undefined) this.reasonCode = options.reasonCode;
    this.retryable = options.retryable ?? false;
  }
}
