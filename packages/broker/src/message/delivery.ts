// HOT
import type { Clock } from '#base/clock.ts';
import { type Message, OBSERVED_NEVER, type QoS, UNTIMED } from './message.ts';

/** Where a delivery at QoS 1 or 2 stands. Queued: no packet identifier yet. Published: PUBLISH went out. Released: PUBREC came in. */
export const DeliveryState = { Queued: 0, Published: 1, Released: 2, Done: 3 } as const;
export type DeliveryState = (typeof DeliveryState)[keyof typeof DeliveryState];

/**
 * What kept a delivery from going out at once. Client: it does not read what it was sent. Inflight: it has as many unacknowledged
 * messages as it takes. Queue: others were before it. None: nothing, or nobody asked.
 */
export const Obstacle = { None: 0, Client: 1, Inflight: 2, Queue: 3 } as const;
export type Obstacle = (typeof Obstacle)[keyof typeof Obstacle];

/** Where a message of a shared subscription goes when the member that holds it goes away. */
export interface Redelivery {
  /**
   * Offers the message to another member than `from`: one who is connected, or, when `mayWait`, else one whose session outlives
   * its connection, or puts it into the group's own queue. False when there is none. `failures`: as in Delivery.
   */
  redeliver(message: Message, from: object, mayWait: boolean, failures: number): boolean;
  /**
   * The connection of a member is gone, and a delivery came to nothing, the `failures`-th of this message. True when the member
   * need not keep the message; else it does, and the group may ask for it later with `Session.giveBack`.
   */
  lost(message: Message, from: object, failures: number): boolean;
}

/** A message on its way to one subscription. */
export class Delivery {
  message: Message;
  /** Effective QoS: the lower of the message's and the subscription's [MQTT-3.8.4-8]. */
  qos: QoS;
  /** RETAIN as the subscriber gets it. */
  retain: boolean;
  /** One for each matching subscription that has an identifier [MQTT-3.3.4-3]; null when none has. */
  subscriptionIdentifiers: readonly number[] | null;
  packetId = 0;
  state: DeliveryState = DeliveryState.Queued;
  /** True when the PUBLISH may have been sent before [MQTT-3.3.1-1]. */
  isDuplicate = false;
  /** The shared group that chose this session, or null. */
  group: Redelivery | null;
  /** How many deliveries of the message to members of the group came to nothing. */
  failures = 0;
  /** True when the message was accepted long before: that a batch is refused is nothing that its publisher hears of. */
  isAccepted = false;
  /** When the PUBLISH went out first, by the clock's `turnMs`; 0 before that, and when the message is UNTIMED. */
  sentAtMs = 0;
  /** As far as the message is timed. */
  obstacle: Obstacle = Obstacle.None;
  /** Where it is remembered that it was sent, or the number under which that it waits; -1 when neither is. */
  decision = -1;
  /** The durable queue's: the chunk that records this delivery, or null. */
  chunk: DeliveryChunk | null = null;

  constructor(message: Message, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[] | null) {
    this.message = message;
    this.qos = qos;
    this.retain = retain;
    this.subscriptionIdentifiers = subscriptionIdentifiers;
    this.group = null;
  }

  /** False when nobody wants to hear that it is finished now; once per delivery. */
  isObserved(clock: Clock): boolean {
    const { observedFromMs, routedAtMs } = this.message;
    if (observedFromMs === OBSERVED_NEVER) return false;
    return observedFromMs <= 0 || clock.turnMs() - routedAtMs >= observedFromMs;
  }

  /**
   * How long it has been on its way, milliseconds; `attachedAtMs`: when its client connected. -1 when that is not known, or says nothing
   * of how fast messages are: it is of a retained message, or the client was away.
   */
  tookMs(attachedAtMs: number, nowMs: number): number {
    const { routedAtMs } = this.message;
    return this.retain || routedAtMs === UNTIMED || routedAtMs < attachedAtMs ? -1 : nowMs - routedAtMs;
  }
}

/** What a delivery knows of the stored record that it is part of. */
export interface DeliveryChunk {
  readonly sequence: number;
}
