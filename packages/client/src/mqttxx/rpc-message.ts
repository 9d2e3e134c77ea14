import { type JsonRequest, type JsonResponse, jsonFailure, jsonRequest, jsonResult } from '#rpc/json-wire.ts';
import { ErrorCode } from './error-code.ts';
import { type Codec, JSONCodec } from './json-codec.ts';
import { MessageError } from './mqttx-error.ts';

export interface RPCRequestFields {
  readonly requestId: string;
  readonly method: string;
  /** Default null. */
  readonly params?: unknown;
  /** Default ''. */
  readonly replyTo?: string;
  /** Default ''. */
  readonly callerId?: string;
}

/**
 * A call as it travels.
 *
 *     const request = new RPCRequest({ requestId: '1', method: 'get_data', replyTo: 'server/device_001' });
 *     console.log(request.toDict());
 */
export class RPCRequest {
  readonly type = 'rpc_request';
  readonly requestId: string;
  readonly method: string;
  readonly params: unknown;
  readonly replyTo: string;
  readonly callerId: string;

  constructor({ requestId, method, params = null, replyTo = '', callerId = '' }: RPCRequestFields) {
    this.requestId = requestId;
    this.method = method;
    this.params = params;
    this.replyTo = replyTo;
    this.callerId = callerId;
  }

  toDict(): JsonRequest {
    const { requestId, method, params, replyTo, callerId } = this;
    return jsonRequest({ request_id: requestId, method, params, reply_to: replyTo, caller_id: callerId });
  }

  /** Throws MessageError MISSING_REQUIRED_FIELD without `request_id` and `method`. */
  static fromDict(fields: Partial<JsonRequest>): RPCRequest {
    const { request_id, method } = fields;
    if (request_id === undefined || method === undefined) throw missing(request_id === undefined ? 'request_id' : 'method');
    const { params, reply_to, caller_id } = jsonRequest({ ...fields, request_id, method });
    return new RPCRequest({ requestId: request_id, method, params, replyTo: reply_to, callerId: caller_id });
  }
}

export interface RPCResponseFields {
  readonly requestId: string;
  /** Default null. */
  readonly result?: unknown;
  /** Anything but null, or nothing, is a failure. */
  readonly error?: string | null;
}

/**
 * An answer as it travels.
 *
 *     const response = RPCResponse.fromDict({ request_id: '1', result: { value: 1 } });
 *     console.log(response.result);
 */
export class RPCResponse {
  readonly type = 'rpc_response';
  readonly requestId: string;
  readonly result: unknown;
  readonly error: string | null;

  constructor({ requestId, result = null, error = null }: RPCResponseFields) {
    this.requestId = requestId;
    this.result = result;
    this.error = error;
  }

  toDict(): JsonResponse {
    return this.error === null ? jsonResult(this.requestId, this.result) : jsonFailure(this.requestId, this.error);
  }

  /** Throws MessageError MISSING_REQUIRED_FIELD without `request_id`. */
  static fromDict({ request_id, result, error }: Partial<JsonResponse>): RPCResponse {
    if (request_id === undefined) throw missing('request_id');
    const text = error === undefined || error === null || typeof error === 'string' ? error : JSON.stringify(error);
    return new RPCResponse({ requestId: request_id, result, error: text ?? null });
  }
}

/**
 * A call or an answer, as its `type` says. Throws MessageError: INVALID_JSON, INVALID_MESSAGE_TYPE, MISSING_REQUIRED_FIELD.
 *
 *     const message = parseMessageFromBytes(JSONCodec.encode(new RPCRequest({ requestId: '1', method: 'get_data' })));
 *     if (message instanceof RPCRequest) console.log(message.method);
 */
export function parseMessageFromBytes(payload: Uint8Array, codec: Codec = JSONCodec): RPCRequest | RPCResponse {
  let fields: unknown;
  try {
    fields = codec.decode(payload);
  } catch (error) {
    throw new MessageError('the message cannot be read', ErrorCode.INVALID_JSON, error);
  }
  const { type } = (fields ?? {}) as { type?: unknown };
  if (type === 'rpc_request') return RPCRequest.fromDict(fields as Partial<JsonRequest>);
  if (type === 'rpc_response') return RPCResponse.fromDict(fields as Partial<JsonResponse>);
  throw new MessageError(`${JSON.stringify(type)} is no type of message`, ErrorCode.INVALID_MESSAGE_TYPE);
}

function missing(field: string): MessageError {
  return new MessageError(`${field} is missing`, ErrorCode.MISSING_REQUIRED_FIELD);
}
