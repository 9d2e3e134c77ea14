import type { UserProperties } from '@wrenmq/codec';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import type { RpcContext, RpcWire } from './rpc-context.ts';

export interface CallOptions {
  /**
   * Milliseconds from the call to its answer, 30,000 by default as with 0. Of a stream: the longest silence, which its responder breaks
   * by itself.
   */
  readonly timeout?: number;
  /** Aborted, it cancels the call at the responder. Rejects with MqttError ABORTED. */
  readonly signal?: AbortSignal;
  /** Calls with the same key run once, within the responder's `dedupeWindow`: for calls that are repeated after an error. MQTT 5 wire only. */
  readonly idempotencyKey?: string;
  /** More user properties, as `traceparent`. MQTT 5 wire only. */
  readonly userProperties?: UserProperties;
}

/** What both ends share. */
export interface RpcWireOptions {
  /** How values travel. Default: JSON, on mqttxx's wire as Python writes it. There it makes the whole message. */
  readonly codec?: PayloadCodec;
  /** Default 'mqtt5' for `rpcClient`, 'auto' for `serveRpc`, 'mqttxx' for `rpcPeer`. Without MQTT 5 it is always mqttxx's. */
  readonly wire?: RpcWire | 'auto';
}

export interface RpcClientOptions extends RpcWireOptions {
  /** Milliseconds. Default 30,000. */
  readonly timeout?: number;
  /** Calls that may wait for answers; the next one is refused at once. Default 100. */
  readonly maxConcurrentCalls?: number;
  /** Where answers arrive. Default: one topic of the client, `clients/{clientId}/rpc`, below the broker's Response Information if it gives one. */
  readonly responseTopic?: string;
}

export interface RpcResponderOptions extends RpcWireOptions {
  /** Milliseconds that a method may take, whatever its caller allows; then the answer is 408. Default: no limit but the caller's. */
  readonly methodTimeout?: number;
  /** Calls that run at once; more are answered with 429. Default 100. */
  readonly concurrency?: number;
  /** Milliseconds in which a call that comes again gets the same answer. 0: never. Default 300,000. At most 1,024 answers and 16 MiB are kept. */
  readonly dedupeWindow?: number;
  /** Asked before each call, with the verified caller where there is one. False, or an error, refuses it. Default: all may. */
  readonly authorize?: (callerId: string, method: string, context: RpcContext) => boolean | Promise<boolean>;
  /**
   * Whether an answer may be sent to this topic, which the caller chose: it is sent with the rights of the responder. A refused call is
   * dropped. Default: all topics but those that begin with `$`.
   */
  readonly allowReplyTo?: (topic: string) => boolean;
  /** The user property in which the broker stamps who sent a message, having removed what the sender put there. Default: it stamps none. */
  readonly verifiedBy?: string;
  /** What no promise tells here: what methods throw, answers that cannot be sent. Default: only the caller is told. */
  readonly onError?: (error: unknown, context: RpcContext) => void;
}

/** Of one who calls and answers on the same topic. */
export interface RpcOptions extends RpcClientOptions, RpcResponderOptions {}

export interface ServeRpcOptions extends RpcResponderOptions {
  /** Responders of the same group share the calls. Default 'rpc'; '' makes every responder answer every call. */
  readonly share?: string;
}
