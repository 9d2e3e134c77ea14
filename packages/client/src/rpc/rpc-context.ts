import type { Message } from '#message/message.ts';

/** The wire of MQTT 5 (a profile of Azure IoT Operations' RPC), or the JSON of the Python package mqttxx. */
export type RpcWire = 'mqtt5' | 'mqttxx';

/** What a method knows of its call. */
export interface RpcContext {
  readonly method: string;
  /** What the caller calls itself; anybody can say so. Empty when it does not say. */
  readonly callerId: string;
  /** What the broker says who the caller is; undefined unless `verifiedBy` names the property that it stamps. */
  readonly verifiedCallerId?: string;
  /** What the caller names the call by. */
  readonly callId: string;
  /** Where the call arrived. */
  readonly topic: string;
  /** Where its answer goes. */
  readonly replyTo: string;
  readonly wire: RpcWire;
  /** Aborted when the answer is not wanted any more: cancelled, too late, the responder of a stream is removed, or the client closed. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds after which the caller does not wait any more, where it is known. None for streams. */
  readonly deadline?: number;
  /** What was sent, before its schema: for `authorize`. Throws when the codec cannot read it. */
  readonly readInput: () => unknown;
  /** Absent when the call came through `handleMessage`. */
  readonly message?: Message;
}
