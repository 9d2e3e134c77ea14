import type { Message, PublishOptions, PublishResult } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { type JsonRequest, jsonFailure, jsonResult, methodNotFound } from './json-wire.ts';
import { formatId, idempotencyKeyProperty, readCaller, readProperty, responseProperties } from './native-wire.ts';
import { publishEncoded, type RpcConnection } from './rpc-connection.ts';
import type { RpcWire } from './rpc-context.ts';

/** What a call is answered with, in the form of its wire. */
export interface CallAnswer {
  readonly status: number;
  /** What went wrong. */
  readonly text?: string;
  /** On mqttxx's wire the whole message. */
  readonly payload?: Uint8Array | undefined;
  readonly isApplicationError?: boolean;
  readonly properties?: ReadonlyArray<[string, string]>;
}

/** One call as it arrived: what it asks, and how it is answered on its wire. */
export interface IncomingCall {
  readonly wire: RpcWire;
  readonly method: string;
  readonly callerId: string;
  readonly topic: string;
  readonly replyTo: string;
  /** Absent when it came through `handleMessage`. */
  readonly message: Message | undefined;
  /** What the caller names it by. */
  readonly name: string;
  /** What makes it the same call when it comes again; undefined: nothing does. */
  readonly identity: string | undefined;
  /** Throws when the payload is none of the codec's. */
  readParams(): unknown;
  /** Throws when the codec cannot write the value. */
  succeed(value: unknown): CallAnswer;
  fail(status: number, text: string, details?: unknown): CallAnswer;
  notFound(): CallAnswer;
  /** `expiry`: seconds for which somebody waits for it. */
  send(answer: CallAnswer, expiry: number | undefined): Promise<PublishResult>;
}

export function nativeCall(connection: RpcConnection, codec: PayloadCodec, message: Message): IncomingCall {
  const { topic, correlationData, responseTopic: replyTo = '', payload } = message;
  const callerId = readCaller(message);
  const method = topic.slice(topic.lastIndexOf('/') + 1);
  const name = correlationData === undefined ? '' : formatId(correlationData);
  const key = readProperty(message, idempotencyKeyProperty);
  const ownIdentity = name === '' ? undefined : name + replyTo;
  const fail = (status: number, text: string, details?: unknown): CallAnswer => ({ status, text, payload: tryEncode(codec, details) });
  return {
    wire: 'mqtt5',
    method,
    callerId,
    topic,
    replyTo,
    message,
    name,
    identity: key === undefined ? ownIdentity : JSON.stringify([callerId, method, key]),
    readParams: () => (payload.length === 0 ? undefined : codec.decode(payload)),
    succeed: (value) => (value === undefined ? { status: 204 } : { status: 200, payload: codec.encode(value) }),
    fail,
    notFound: () => fail(404, `there is no method ${method}`),
    send(answer, expiry) {
      const options: PublishOptions = {
        qos: 1,
        userProperties: responseProperties(answer, connection.clientId),
        ...(correlationData !== undefined && { correlationData }),
        ...(expiry !== undefined && { expiry }),
      };
      return publishEncoded(connection, replyTo, { codec, payload: answer.payload }, options);
    },
  };
}

export function jsonCall(
  connection: RpcConnection,
  codec: PayloadCodec,
  request: JsonRequest,
  { topic, message }: { readonly topic: string; readonly message?: Message },
): IncomingCall {
  const { request_id: name, method, reply_to: replyTo, caller_id: callerId } = request;
  const fail = (status: number, text: string): CallAnswer => ({ status, payload: codec.encode(jsonFailure(name, text)) });
  return {
    wire: 'mqttxx',
    method,
    callerId,
    topic,
    replyTo,
    message,
    name,
    identity: name + replyTo,
    readParams: () => request.params,
    succeed: (value) => ({ status: 200, payload: codec.encode(jsonResult(name, value)) }),
    fail,
    notFound: () => fail(404, methodNotFound + method),
    send: ({ payload }, expiry) => connection.publish(replyTo, payload!, { qos: 1, ...(expiry !== undefined && { expiry }) }),
  };
}

/** The failure itself matters more than its details. */
function tryEncode(codec: PayloadCodec, details: unknown): Uint8Array | undefined {
  try {
    return details === undefined ? undefined : codec.encode(details);
  } catch {
    return undefined;
  }
}
