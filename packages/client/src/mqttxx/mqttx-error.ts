import { MqttError } from '#base/mqtt-error.ts';
import {
  RpcMethodNotFoundError,
  RpcNoRespondersError,
  RpcPermissionDeniedError,
  RpcRemoteError,
  RpcTimeoutError,
  RpcTooManyCallsError,
} from '#rpc/rpc-error.ts';
import { ErrorCode, errorCodeName } from './error-code.ts';

/**
 * Every error of this module, with mqttxx's classes and numbers. `cause` is that of the client below.
 *
 *     const rpc = new ConventionalRPCManager(client, 'server/device_001');
 *     try {
 *       await rpc.call('bots/device_002', 'no_such_method', null, { timeout: 5 });
 *     } catch (error) {
 *       if (error instanceof RPCPeerUnreachableError) console.log('nobody is there');
 *       else if (error instanceof RPCTimeoutError) console.log('no answer in time');
 *       else if (error instanceof TooManyConcurrentCallsError) console.log('too many calls at once');
 *       else if (error instanceof RPCMethodNotFoundError || error instanceof PermissionDeniedError) console.log('refused');
 *       else if (error instanceof RPCRemoteError || error instanceof RPCError) console.log(error.message);
 *       else if (error instanceof ConnectionError || error instanceof MessageError) console.log('not sent, or not read');
 *       else if (error instanceof MQTTXError) console.log(error.code === ErrorCode.NOT_CONNECTED);
 *     }
 */
export class MQTTXError extends Error {
  override name = 'MQTTXError';
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** As in Python: `[RPC_TIMEOUT] get_status did not answer`. */
  override toString(): string {
    return `[${errorCodeName(this.code)}] ${this.message}`;
  }
}

export class ConnectionError extends MQTTXError {
  override name = 'ConnectionError';
}

export class MessageError extends MQTTXError {
  override name = 'MessageError';
}

export class RPCError extends MQTTXError {
  override name = 'RPCError';
}

/** No answer came in time. */
export class RPCTimeoutError extends RPCError {
  override name = 'RPCTimeoutError';

  constructor(message: string, cause?: unknown) {
    super(message, ErrorCode.RPC_TIMEOUT, cause);
  }
}

/** What the remote side said; `message` is its text. */
export class RPCRemoteError extends RPCError {
  override name = 'RPCRemoteError';

  constructor(message: string, cause?: unknown, code: ErrorCode = ErrorCode.RPC_EXECUTION_ERROR) {
    super(message, code, cause);
  }
}

/** A remote error too, so that both ways to catch it work. */
export class RPCMethodNotFoundError extends RPCRemoteError {
  override name = 'RPCMethodNotFoundError';

  constructor(message: string, cause?: unknown) {
    super(message, cause, ErrorCode.METHOD_NOT_FOUND);
  }
}

/** A remote error too, so that both ways to catch it work. */
export class PermissionDeniedError extends RPCRemoteError {
  override name = 'PermissionDeniedError';

  constructor(message: string, cause?: unknown) {
    super(message, cause, ErrorCode.PERMISSION_DENIED);
  }
}

export class TooManyConcurrentCallsError extends RPCError {
  override name = 'TooManyConcurrentCallsError';

  constructor(message: string, cause?: unknown) {
    super(message, ErrorCode.TOO_MANY_PENDING_CALLS, cause);
  }
}

/** The broker said that nobody subscribes to the peer's topic. */
export class RPCPeerUnreachableError extends RPCError {
  override name = 'RPCPeerUnreachableError';

  constructor(message: string, cause?: unknown) {
    super(message, ErrorCode.PEER_UNREACHABLE, cause);
  }
}

/** The error of a call in mqttxx's classes. What is none of the client's stays as it is. */
export function rpcError(error: unknown): unknown {
  if (!(error instanceof MqttError)) return error;
  const { message } = error;
  if (error instanceof RpcTimeoutError) return new RPCTimeoutError(message, error);
  if (error instanceof RpcTooManyCallsError) return new TooManyConcurrentCallsError(message, error);
  if (error instanceof RpcNoRespondersError) return new RPCPeerUnreachableError(message, error);
  if (error instanceof RpcMethodNotFoundError) return new RPCMethodNotFoundError(message, error);
  if (error instanceof RpcPermissionDeniedError) return new PermissionDeniedError(message, error);
  if (error instanceof RpcRemoteError) return new RPCRemoteError(message, error);
  return connectionError(error, error.code === 'ABORTED' ? ErrorCode.CONNECTION_LOST : ErrorCode.PUBLISH_FAILED);
}

export function connectionError(error: unknown, code: ErrorCode): ConnectionError {
  return new ConnectionError(error instanceof Error ? error.message : String(error), code, error);
}
