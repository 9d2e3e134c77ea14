import { MqttError, type MqttErrorOptions } from '#base/mqtt-error.ts';

/**
 * A call that failed. What the connection did wrong (REFUSED, CLOSED, ABORTED, ...) stays the MqttError that it is.
 *
 *     const nobody = rpcClient(client, 'device/999', deviceApi);
 *     try {
 *       await nobody.getStatus({});
 *     } catch (error) {
 *       if (error instanceof RpcNoRespondersError) console.log('nobody is there');
 *       else if (error instanceof RpcTimeoutError) console.log('no answer in time');
 *       else if (error instanceof RpcTooManyCallsError) console.log('too many calls at once');
 *       else if (error instanceof RpcMethodNotFoundError) console.log('no such method');
 *       else if (error instanceof RpcPermissionDeniedError) console.log('not allowed');
 *       else if (error instanceof RpcError) console.log(error.message);
 *     }
 */
export class RpcError extends MqttError {
  override name = 'RpcError';

  constructor(message: string, options?: MqttErrorOptions) {
    super('RPC', message, options);
  }
}

/** No answer came in time. Whether the method has run is unknown. */
export class RpcTimeoutError extends RpcError {
  override name = 'RpcTimeoutError';

  constructor(message: string) {
    super(message, { retryable: true });
  }
}

/** The broker said that nobody subscribes to the method's topic (0x10): the method has not run. */
export class RpcNoRespondersError extends RpcError {
  override name = 'RpcNoRespondersError';

  constructor(topic: string) {
    super(`nobody answers on ${topic}`, { retryable: true, reasonCode: 0x10 });
  }
}

/** `maxConcurrentCalls` are waiting for their answers: nothing was sent. */
export class RpcTooManyCallsError extends RpcError {
  override name = 'RpcTooManyCallsError';

  constructor(limit: number) {
    super(`${limit} calls are waiting for their answers`, { retryable: true });
  }
}

export interface RpcRemoteErrorOptions {
  /** As in HTTP: 400 bad input, 403 refused, 404 no such method, 408 took too long, 409 conflict, 429 busy, 500. */
  readonly status?: number;
  /** Any value that the codec has; with 400 `{ issues }` of the schema. */
  readonly details?: unknown;
  readonly cause?: unknown;
}

/**
 * What the responder said. Thrown by a method, it becomes its answer.
 *
 *     await using peer = await rpcPeer(client, { topic: 'door/1' });
 *     peer.register('open', () => {
 *       throw new RpcRemoteError('locked', { status: 409 });
 *     });
 *     await peer.call('door/1', 'open').catch((error: RpcRemoteError) => console.log(error.message)); // locked
 */
export class RpcRemoteError extends RpcError {
  override name = 'RpcRemoteError';
  /** Absent when a responder on mqttxx's wire did not say. */
  readonly status?: number;
  readonly details?: unknown;

  constructor(message: string, { status, details, cause }: RpcRemoteErrorOptions = {}) {
    super(message, { retryable: status === 429, cause });
    if (status !== undefined) this.status = status;
    if (details !== undefined) this.details = details;
  }
}

export class RpcMethodNotFoundError extends RpcRemoteError {
  override name = 'RpcMethodNotFoundError';

  constructor(message: string, options?: RpcRemoteErrorOptions) {
    super(message, { status: 404, ...options });
  }
}

export class RpcPermissionDeniedError extends RpcRemoteError {
  override name = 'RpcPermissionDeniedError';

  constructor(message: string, options?: RpcRemoteErrorOptions) {
    super(message, { status: 403, ...options });
  }
}

/** The error of an answer that says it failed. */
export function remoteError(message: string, status: number | undefined, details: unknown): RpcError {
  const options = { ...(status !== undefined && { status }), details };
  if (status === 401 || status === 403) return new RpcPermissionDeniedError(message, options);
  if (status === 404) return new RpcMethodNotFoundError(message, options);
  if (status === 408) return new RpcTimeoutError(message);
  return new RpcRemoteError(message, options);
}
