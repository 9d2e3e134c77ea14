// HOT
import type { QoS } from '@wrenmq/codec';
import type { OutboundTopic } from './outbound-topics.ts';
import type { PublishSource } from './publish-output.ts';
import type { OutboundMessage } from './session-contract.ts';

export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Where a message stands. */
export const EntryState = {
  /** It has no packet identifier. */
  Queued: 0,
  /** It has a packet identifier, and has not been written on this connection. */
  Assigned: 1,
  /** Written, not acknowledged. */
  Sent: 2,
  /** PUBREC has come: the broker owns it. */
  Released: 3,
  /** Nothing is left to do; it is skipped where it is met. */
  Ended: 4,
} as const;

export type EntryState = (typeof EntryState)[keyof typeof EntryState];

/** One message on its way out. */
export class OutboundEntry {
  readonly seq: number;
  readonly topic: OutboundTopic;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Epoch milliseconds; undefined: never. */
  readonly expiresAt: number | undefined;
  /** Undefined when it comes from the store. */
  readonly message: OutboundMessage | undefined;
  /** What it counts in `queuedBytes`. */
  readonly bytes: number;
  payload: Uint8Array;
  /** Property bytes without their length and without the expiry interval. */
  properties: Uint8Array;
  state: EntryState = EntryState.Queued;
  packetId = 0;
  /** It was written at least once: DUP is due. */
  isRepeated = false;
  /** Its `out.put` is durable, or need not be. */
  isStored = true;
  /** Steps that are not durable yet and that the next packet waits for: `out.sent` at QoS 2, `out.rec`. */
  stepsPending = 0;
  /** It has a place in the quota of this connection. */
  isCounted = false;
  /** PUBREL has gone out to free its packet identifier: PUBCOMP is awaited. */
  isProbing = false;
  /** Of PUBREC. */
  reasonCode = 0;
  /** The batch that carries its `out.put`. */
  batch: object | undefined = undefined;

  constructor(seq: number, topic: OutboundTopic, from: PublishSource, properties: Uint8Array, message: OutboundMessage | undefined) {
    this.seq = seq;
    this.topic = topic;
    this.qos = from.qos;
    this.retain = from.retain;
    this.expiresAt = from.expiresAt;
    this.payload = from.payload;
    this.properties = properties;
    this.message = message;
    this.bytes = topic.bytes.length + properties.length + from.payload.length;
  }
}
