// HOT
import type { Delivery, Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import { DurableQueue, type QueueOwner } from '#session/durable-queue.ts';
import type { Log } from '#store/log.ts';
import type { Store } from '#store/store.ts';

/** So many messages, and bytes, wait beside the queue for the member that is to have them; then whoever is ready gets the next. */
const ASIDE_MAX = 128;
const ASIDE_BYTES_MAX = 1024 * 1024;
/** The number under which a stored delivery names its group: there is one only. */
const OWN_GROUP = 1;

/** What a lane asks of the queue of the group that it is part of. */
export interface LaneOwner extends Redelivery {
  /** Somebody in the group is connected. */
  readonly isConnected: boolean;
  /** Somebody could take something now. */
  readonly isAnybodyReady: boolean;
  /** Gives the message to a member, or drops it when nobody is to have it; false when it has to wait. `isLoose`: any member will do. */
  place(delivery: Delivery, lane: GroupLane, isLoose: boolean): boolean;
  onLaneChanged(): void;
  onLaneLoaded(): void;
  drop(message: Message | null, reason: 'damaged' | 'store-full' | 'no-member'): void;
}

/** Messages of a group, first in, first out: either those that nobody has had, or those that came back. */
export class GroupLane implements QueueOwner {
  readonly number: number;
  readonly queue: DurableQueue;
  readonly #owner: LaneOwner;
  /** Taken from the queue, but whose member is busy: others may overtake them. */
  readonly #aside: Delivery[] = [];
  #asideBytes = 0;

  constructor(number: number, owner: LaneOwner, store: Store, log: Log) {
    this.number = number;
    this.#owner = owner;
    this.queue = new DurableQueue(this, store, log);
  }

  get waiting(): number {
    return this.queue.waiting + this.#aside.length;
  }

  /** The message that has waited longest; null when there is none, or when it has to be read first. */
  get oldest(): Message | null {
    const oldest = this.#aside[0] ?? this.queue.peek();
    return oldest?.message ?? null;
  }

  get isConnected(): boolean {
    return this.#owner.isConnected;
  }

  append(delivery: Delivery): void {
    delivery.group = this.#owner;
    this.queue.append(delivery, false);
  }

  /** Gives away what it can, in order. False when nobody is ready, or when what comes next has to be read. */
  pump(): boolean {
    if (this.#aside.length > 0) this.#retry();
    while (this.#owner.isAnybodyReady) {
      if (this.#isAsideFull(0, 0)) return true;
      const delivery = this.queue.next();
      if (delivery === null) return this.queue.waiting === 0;
      const { weight } = delivery.message;
      if (this.#owner.place(delivery, this, this.#isAsideFull(1, weight))) continue;
      this.#aside.push(delivery);
      this.#asideBytes += weight;
    }
    return false;
  }

  /** The oldest, to be dropped; null when it has to be read first. */
  takeOldest(): Delivery | null {
    const delivery = this.#aside.shift();
    if (delivery === undefined) return this.queue.next();
    this.#asideBytes -= delivery.message.weight;
    return delivery;
  }

  /** The group is no more: everything is dropped. */
  async purge(): Promise<void> {
    for (const delivery of this.#aside.splice(0)) {
      this.#owner.drop(delivery.message, 'no-member');
      this.queue.moved(delivery);
    }
    await this.queue.purge(({ message }) => this.#owner.drop(message, 'no-member'));
  }

  onQueueChanged(): void {
    this.#owner.onLaneChanged();
  }

  onQueueLoaded(): void {
    this.#owner.onLaneLoaded();
  }

  onDamaged(): void {
    this.#owner.drop(null, 'damaged');
  }

  onRefused({ message }: Delivery): void {
    this.#owner.drop(message, 'store-full');
  }

  numberOf(): number {
    return OWN_GROUP;
  }

  groupOf(): Redelivery {
    return this.#owner;
  }

  /** What lies here has no packet identifier and waits for no record. */
  onRestored(): void {}

  onRecorded(): void {}

  #isAsideFull(more: number, weight: number): boolean {
    return this.#aside.length + more >= ASIDE_MAX || this.#asideBytes + weight >= ASIDE_BYTES_MAX;
  }

  #retry(): void {
    const isFull = this.#isAsideFull(0, 0);
    let kept = 0;
    for (let index = 0; index < this.#aside.length; index += 1) {
      const delivery = this.#aside[index];
      if (this.#owner.isAnybodyReady && this.#owner.place(delivery, this, isFull)) {
        this.#asideBytes -= delivery.message.weight;
        continue;
      }
      this.#aside[kept] = delivery;
      kept += 1;
    }
    this.#aside.length = kept;
  }
}
