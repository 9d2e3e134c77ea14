import type { PayloadCodec } from '#topic/payload-codec.ts';
import { remoteError } from './rpc-error.ts';

/*
 * mqttxx's wire: JSON with the kind of message in `type`. A peer has one topic, for calls to it and answers to its own calls; QoS 1.
 *
 *   {"type": "rpc_request", "request_id": "<uuid>", "method": "get", "params": null, "reply_to": "a/topic", "caller_id": "me"}
 *   {"type": "rpc_response", "request_id": "<uuid>", "result": null}
 *   {"type": "rpc_response", "request_id": "<uuid>", "error": "Permission denied"}
 */

export interface JsonRequest {
  readonly type: 'rpc_request';
  readonly request_id: string;
  readonly method: string;
  readonly params: unknown;
  readonly reply_to: string;
  readonly caller_id: string;
}

export interface JsonResponse {
  readonly type: 'rpc_response';
  readonly request_id: string;
  readonly result?: unknown;
  /** Anything but null means that it failed, the empty text too. */
  readonly error?: unknown;
}

/** All six keys, always, in mqttxx's order. */
export function jsonRequest(fields: Pick<JsonRequest, 'request_id' | 'method'> & Partial<JsonRequest>): JsonRequest {
  const { request_id, method, params = null, reply_to, caller_id } = fields;
  return { type: 'rpc_request', request_id, method, params, reply_to: textOf(reply_to), caller_id: textOf(caller_id) };
}

/** Peers may send anything. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function jsonResult(id: string, result: unknown): JsonResponse {
  return { type: 'rpc_response', request_id: id, result: result ?? null };
}

/** Peers tell failure from success by whether there is a text. */
export function jsonFailure(id: string, error: string): JsonResponse {
  return { type: 'rpc_response', request_id: id, error: error || 'Error' };
}

/** What a message says; undefined when it is no call and no answer. Keys that have a default may lack, others are ignored. */
export function readJson(codec: PayloadCodec, payload: Uint8Array): JsonRequest | JsonResponse | undefined {
  let value: unknown;
  try {
    value = codec.decode(payload);
  } catch {
    // Others may use the topic too: events, for example.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('request_id' in value)) return undefined;
  const message = value as JsonRequest | JsonResponse;
  if (message.type === 'rpc_response') return message;
  return message.type === 'rpc_request' && typeof message.method === 'string' ? jsonRequest(message) : undefined;
}

export const permissionDenied = 'Permission denied';
export const methodNotFound = '方法未找到: ';

/** The result. Throws the error that the text stands for. */
export function readResult({ result, error }: JsonResponse): unknown {
  if (error === undefined || error === null) return result ?? null;
  const text = typeof error === 'string' ? error : JSON.stringify(error);
  throw remoteError(text, statusOf(text), undefined);
}

function statusOf(text: string): number | undefined {
  if (text === permissionDenied) return 403;
  return text.startsWith(methodNotFound) || text.startsWith('No RPC handler registered') ? 404 : undefined;
}
