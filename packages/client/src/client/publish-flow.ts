// HOT
import type { PublishProperties, QoS } from '@wrenmq/codec';
import { type Deferred, handled } from '#base/deferred.ts';
import type { MqttError } from '#base/mqtt-error.ts';
import type { PublishResult } from '#message/message.ts';
import type { OutboundMessage } from '#session/session-contract.ts';

export const accepted: PublishResult = Object.freeze({ reasonCode: 0, noSubscribers: false });
/** What every message that is done with at once gives. */
const acceptedAtOnce: Promise<PublishResult> = Promise.resolve(accepted);

const noMatchingSubscribers = 0x10;

export interface FlowKeeper {
  onFlowSettled(flow: PublishFlow): void;
}

/** One message on its way out, from the call of `publish` to its end. Settles once. */
export class PublishFlow implements OutboundMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: PublishProperties | undefined;
  readonly expiresAt: number | undefined;
  slot: object | undefined = undefined;
  /** With `enqueue`: in the store. */
  stored: Deferred<number> | undefined = undefined;
  /** Ends the watch of `signal` and `timeout`. */
  stopWatch: (() => void) | undefined = undefined;
  isSettled = false;
  isSent = false;
  /** Neighbours in the keeper's list: a Set would cost more than the message. */
  previous: PublishFlow | undefined = undefined;
  next: PublishFlow | undefined = undefined;
  readonly #keeper: FlowKeeper;
  #promise: Promise<PublishResult> | undefined = undefined;
  #resolve: ((result: PublishResult) => void) | undefined = undefined;
  #reject: ((error: MqttError) => void) | undefined = undefined;

  // One allocation for a message; the parameters are those of PUBLISH.
  constructor(keeper: FlowKeeper, topic: string, payload: Uint8Array, qos: QoS, retain: boolean, fields: FlowFields) {
    this.#keeper = keeper;
    this.topic = topic;
    this.payload = payload;
    this.qos = qos;
    this.retain = retain;
    this.properties = fields.properties;
    this.expiresAt = fields.expiresAt;
  }

  get bytes(): number {
    return this.topic.length + this.payload.length;
  }

  /** How it ends. A rejection is never unhandled. */
  get promise(): Promise<PublishResult> {
    this.#promise ??= new Promise<PublishResult>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    return this.#promise;
  }

  onStored(seq: number): void {
    this.stored?.resolve(seq);
  }

  onAcknowledged(reasonCode: number, sessionLost: boolean): void {
    if (!this.#settle(true)) return;
    const isPlain = reasonCode === 0 && !sessionLost;
    if (isPlain && this.#promise === undefined) {
      this.#promise = acceptedAtOnce;
      return;
    }
    const noSubscribers = reasonCode === noMatchingSubscribers;
    const result = isPlain ? accepted : { reasonCode, noSubscribers, ...(sessionLost && { sessionLost }) };
    void this.promise;
    this.#resolve!(result);
  }

  onFailed(error: MqttError): void {
    if (!this.#settle(false)) return;
    void handled(this.promise);
    this.#reject!(error);
    this.stored?.reject(error);
  }

  #settle(isSent: boolean): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.isSent = isSent;
    this.stopWatch?.();
    this.#keeper.onFlowSettled(this);
    return true;
  }
}

export interface FlowFields {
  readonly properties: PublishProperties | undefined;
  readonly expiresAt: number | undefined;
}
