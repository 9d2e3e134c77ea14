import type { Clock } from '#base/clock.ts';
import type { HistoryEntry } from '#history/message-history.ts';
import { endMark, withPlace } from '#history/reading-copy.ts';
import type { HistoryReceiver } from '#history/reading-job.ts';
import { Delivery } from '#message/delivery.ts';
import type { Message, QoS } from '#message/message.ts';
import type { Router } from '#publish/router.ts';
import type { Subscription } from '#session/subscription.ts';
import type { Committer } from '#store/committer.ts';
import type { HistoryPosition } from '#topic/history-position.ts';
import type { Client } from './client.ts';

export interface HistoryReaderServices {
  readonly clock: Clock;
  readonly router: Router;
  readonly committer: Committer;
}

/** A full disk is looked at again after this. */
const FULL_MS = 250;
/** What a queue may count for a message besides its weight. */
const QUEUED_BYTES = 400;
const PROTOCOL_5 = 5;

/** A client that reads the history: for a subscription that becomes live, or for one that is only this reading. */
export class HistoryReader implements HistoryReceiver {
  readonly subscription: Subscription;
  /** What the client calls it. */
  readonly requested: string;
  readonly isLive: boolean;
  readonly isStored: boolean;
  readonly #client: Client;
  readonly #house: HistoryReaderServices;
  #messages = 0;
  /** Missing before what was not for this client. */
  #missed = 0;

  constructor(client: Client, subscription: Subscription, requested: string, house: HistoryReaderServices) {
    this.#client = client;
    this.subscription = subscription;
    this.requested = requested;
    this.#house = house;
    this.isLive = subscription.catchUp?.to === undefined;
    this.isStored = this.isLive && client.session.isDurable;
  }

  get pacedAs(): object {
    return this.subscription.session;
  }

  get filter(): string {
    return this.subscription.filter;
  }

  get position(): HistoryPosition {
    return this.subscription.catchUp!;
  }

  set position(position: HistoryPosition) {
    const { subscription } = this;
    if (this.isLive) subscription.session.state.moveSubscription(subscription, position);
    else subscription.catchUp = position;
  }

  isReady(): boolean {
    return this.subscription.session.isReady && !this.#isDiskFull;
  }

  onReady(callback: () => void): void {
    const { session } = this.subscription;
    if (session.isReady) this.#house.clock.after(FULL_MS, callback);
    else session.whenReady(callback);
  }

  isClosed(): boolean {
    const { session, sink, readings } = this.#client;
    return session.sink !== sink || readings?.get(this.subscription.text) !== this;
  }

  hasRoomFor(rest: readonly HistoryEntry[]): boolean {
    const { session } = this.subscription;
    const { queueMessagesMax, queueBytesMax, memoryQueueBytesMax } = session.house.limits;
    const bytes = rest.reduce((sum, { message }) => sum + message.weight + QUEUED_BYTES, session.queuedBytes);
    return rest.length <= queueMessagesMax && bytes <= (session.isDurable ? queueBytesMax : memoryQueueBytesMax);
  }

  take(entry: HistoryEntry, isRest: boolean): boolean {
    const { message, missed } = entry;
    const { options } = this.subscription;
    if (this.#isUnwanted(message)) {
      this.#missed += missed;
      return true;
    }
    const qos = Math.min(message.qos, options.qos) as QoS;
    const mayWait = isRest && (qos > 0 || this.isStored);
    if (!mayWait && !this.isReady()) return false;
    const isTold = this.#client.facts.protocolVersion === PROTOCOL_5;
    this.#offer(isTold ? withPlace(entry, this.#missed + missed) : message, qos, options.retainAsPublished && message.retain);
    this.#messages += 1;
    this.#missed = 0;
    return true;
  }

  finish(): boolean {
    const { subscription } = this;
    const { session, options } = subscription;
    if (this.isLive) {
      session.state.moveSubscription(subscription, null);
      // ORDER: nothing is published between this and what was read last.
      this.#house.router.invalidate();
    } else {
      if (!this.isReady()) return false;
      const end = { filter: this.requested, messages: this.#messages, next: this.position.to! };
      this.#offer(endMark(end, options.qos, this.#house.clock.wallMs()), options.qos, false);
    }
    this.#client.readings?.delete(subscription.text);
    return true;
  }

  /** What is written for this session would be refused, and everybody's changes with it. */
  get #isDiskFull(): boolean {
    return this.subscription.session.isDurable && this.#house.committer.isFull;
  }

  /** Whether it is not for this client: by the rules of this moment, by No Local, or because its time is over. */
  #isUnwanted(message: Message): boolean {
    const { session, options, mayReceive } = this.subscription;
    if (mayReceive !== null && !mayReceive(message.topic)) return true;
    return (options.noLocal && message.publisher === session.clientId) || message.isExpired(this.#house.clock.wallMs());
  }

  #offer(message: Message, qos: QoS, retain: boolean): void {
    const { session, options } = this.subscription;
    const delivery = new Delivery(message, qos, retain, options.identifier === 0 ? null : [options.identifier]);
    // Its publisher was told long ago: a full disk must not take it.
    delivery.isAccepted = true;
    if (qos === 0) session.offerQoS0(delivery);
    else session.offer(delivery);
  }
}
