import type { Clock } from '#base/clock.ts';
import type { Counters, DropReason } from '#base/counters.ts';
import type { Deadlines } from '#base/deadlines.ts';
import type { Logger } from '#base/logger.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { Delivery, Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Committer } from '#store/committer.ts';
import type { Log } from '#store/log.ts';
import type { Store } from '#store/store.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/** What happens when a queue is full: the oldest or the new message is dropped, or the publisher is refused with 0x97. */
export type OverflowPolicy = 'drop-oldest' | 'drop-new' | 'reject';

/** The bounds of a session, from the configuration. */
export interface SessionLimits {
  /** Unfinished PUBLISH at QoS 1 and 2 towards a client, at most; its Receive Maximum may lower it. */
  readonly inflightMax: number;
  /** Waiting messages of a durable session. */
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  /** Waiting bytes of a session that ends with its connection. */
  readonly memoryQueueBytesMax: number;
  readonly overflow: OverflowPolicy;
  /** Whether QoS 0 is kept for a durable session that is away. */
  readonly storeQoS0: boolean;
  /** Longest Session Expiry Interval granted, seconds. */
  readonly expiryIntervalMax: number;
}

/** What sessions tell the rooms above them. */
export interface SessionEvents {
  /** The will is due. Resolves in the turn in which it is published, or dropped. */
  onWill(session: Session, will: Message): Promise<void>;
  onEnded(session: Session): void;
  /** The shared group of a subscription of this session, or null. */
  groupOf(subscription: Subscription): Redelivery | null;
  /** The client has acknowledged, or at QoS 0 was sent, what it was given; null while nobody asks. */
  readonly onDelivered: ((session: Session, delivery: Delivery) => void) | null;
  /** Whether who asks wants the bytes of the message, which must then be kept until they are acknowledged. */
  readonly isHolding: boolean;
  /** The message as this client is to get it, or null to drop it; null while nobody has a say. */
  readonly onOutbound: ((session: Session, message: Message) => Message | null) | null;
  onDropped(session: Session, message: Message | null, reason: DropReason): void;
}

/** What every session of one broker shares. */
export interface SessionHouse {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly store: Store;
  readonly committer: Committer;
  readonly log: Log;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Remembers what becomes of messages; null where that is switched off. */
  readonly decisions: Decisions | null;
  /** Replaced as a whole when the configuration is read again. */
  limits: SessionLimits;
  readonly events: SessionEvents;
}
