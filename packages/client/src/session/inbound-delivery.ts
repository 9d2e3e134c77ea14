// HOT
import { PublishPropertyId, decodePublishProperties, readVariableByteInteger, variableByteIntegerSize } from '@wrenmq/codec';
import type { PublishFrame, PublishProperties, QoS } from '@wrenmq/codec';
import type { Delivery } from './session-contract.ts';

/** No acknowledgement is due, or it has left. */
export const settledAck = -1;
/** `acknowledge` has not been called. */
export const awaitedAck = -2;

const noIdentifiers: readonly number[] = [];

/** One message that has come, and what is still owed for it. */
export class InboundDelivery implements Delivery {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  /** `settledAck`, `awaitedAck`, or the reason code to send. */
  ack: number;
  /** The number of the connection that the acknowledgement belongs to. */
  connection = 0;
  /** The reason code must not leave before the store has it. */
  isHeld = false;
  readonly #bytes: Uint8Array;
  readonly #propertiesStart: number;
  readonly #propertiesEnd: number;
  #properties: PublishProperties | undefined = undefined;

  /** `frame` says where the parts are in `bytes`, which are kept. */
  constructor(topic: string, bytes: Uint8Array, frame: PublishFrame) {
    this.topic = topic;
    this.payload = bytes.subarray(frame.payloadStart, frame.payloadEnd);
    this.qos = frame.qos;
    this.retain = frame.retain;
    this.dup = frame.dup;
    this.packetId = frame.packetId;
    this.ack = frame.qos === 0 ? settledAck : awaitedAck;
    this.#bytes = bytes;
    this.#propertiesStart = frame.propertiesStart;
    this.#propertiesEnd = frame.propertiesEnd;
  }

  get properties(): PublishProperties | undefined {
    if (this.#propertiesStart === this.#propertiesEnd) return undefined;
    return (this.#properties ??= decodePublishProperties(this.#bytes, this.#propertiesStart, this.#propertiesEnd));
  }

  get subscriptionIdentifiers(): readonly number[] {
    const bytes = this.#bytes;
    const at = this.#propertiesStart;
    const end = this.#propertiesEnd;
    if (at === end) return noIdentifiers;
    // Most messages have this property alone. PERF: bench/client
    if (bytes[at] === PublishPropertyId.SubscriptionIdentifier) {
      const identifier = readVariableByteInteger(bytes, at + 1, end);
      if (at + 1 + variableByteIntegerSize(identifier) === end) return [identifier];
    }
    return this.properties?.subscriptionIdentifiers ?? noIdentifiers;
  }

  /** Without their length. */
  get propertyBytes(): Uint8Array {
    return this.#bytes.subarray(this.#propertiesStart, this.#propertiesEnd);
  }
}
