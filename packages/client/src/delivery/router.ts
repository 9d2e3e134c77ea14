// HOT
import { ReceivedMessage, type Receipt } from '#message/received-message.ts';
import type { Delivery } from '#session/session-contract.ts';
import { readingEndTopic } from '#base/filter-prefix.ts';
import { text } from '#topic/payload-codecs.ts';
import { FilterTrie } from '#topic/filter-trie.ts';
import { type Consumer, SharedReceipt } from './consumer.ts';
import type { HeldFilter } from './held-filter.ts';

export interface RouterHost extends Receipt {
  acknowledge(delivery: Delivery, reasonCode: number): void;
  /** A message that nobody here wants was dropped. */
  onDropped(): void;
  /** Messages wait for somebody who wants them: once, when the first one does. */
  onParked(topic: string): void;
  /** Nobody has asked yet for what the broker may have subscribed for us in another life. */
  readonly keepsUnknown: boolean;
}

const cachedTopicsMax = 1_024;
const parkedQoS0Max = 1_024;

/** From a message to the consumers that want it. */
export class Router {
  readonly #host: RouterHost;
  /** By the part that topics are compared with: a filter and its shared forms stand together. */
  readonly #filters = new FilterTrie<HeldFilter[]>();
  readonly #byMatched = new Map<string, HeldFilter[]>();
  /** What the trie said; emptied when filters come and go. */
  readonly #cache = new Map<string, HeldFilter[]>();
  /** Messages of a resumed session that came before somebody asked for them. */
  #parked: Delivery[] = [];

  constructor(host: RouterHost) {
    this.#host = host;
  }

  get parked(): number {
    return this.#parked.length;
  }

  add(held: HeldFilter): void {
    const together = this.#byMatched.get(held.matched);
    this.#set(held.matched, together === undefined ? [held] : [...together, held]);
  }

  remove(held: HeldFilter): void {
    this.#set(
      held.matched,
      (this.#byMatched.get(held.matched) ?? []).filter((other) => other !== held),
    );
  }

  route(delivery: Delivery): void {
    const filters = this.#filtersOf(delivery);
    if (filters.length === 1 && isMeant(filters[0], delivery)) {
      const receivers = filters[0].receivers(delivery.retain);
      if (receivers.length === 1) return receivers[0].offer(new ReceivedMessage(delivery, receivers[0].source, this.#host));
    }
    const meant = filters.filter((held) => isMeant(held, delivery));
    if (!this.#offer(meant, delivery)) this.#park(meant.length > 0 || this.#host.keepsUnknown, delivery);
  }

  /** Somebody new is here: what was parked for them is theirs. */
  claim(): void {
    const parked = this.#parked;
    this.#parked = [];
    for (const delivery of parked) {
      // The identifiers of an unknown session are those of its life before.
      const filters = this.#filtersOf(delivery);
      if (!this.#offer(this.#host.keepsUnknown ? filters : filters.filter((held) => isMeant(held, delivery)), delivery))
        this.#parked.push(delivery);
    }
  }

  /** The broker will send what was not acknowledged again: QoS 1 that is parked would come twice. */
  forgetRepeated(): void {
    this.#parked = this.#parked.filter((delivery) => delivery.qos !== 1);
  }

  #offer(filters: readonly HeldFilter[], delivery: Delivery): boolean {
    const receivers = new Set<Consumer>(filters.flatMap((held) => held.receivers(delivery.retain)));
    if (receivers.size === 0) return false;
    const receipt = receivers.size === 1 ? this.#host : new SharedReceipt(this.#host, receivers.size);
    for (const receiver of receivers) receiver.offer(new ReceivedMessage(delivery, receiver.source, receipt));
    return true;
  }

  #park(isExpected: boolean, delivery: Delivery): void {
    if (isExpected && (delivery.qos > 0 || this.#parked.length < parkedQoS0Max)) {
      this.#parked.push(delivery);
      if (this.#parked.length === 1) this.#host.onParked(delivery.topic);
      return;
    }
    this.#host.onDropped();
    this.#host.acknowledge(delivery, 0);
  }

  /** The end of a reading is for whoever reads. */
  #filtersOf({ topic, payload }: Delivery): HeldFilter[] {
    if (topic !== readingEndTopic) return this.#lookUp(topic);
    const told = text.decode(payload);
    return [...this.#byMatched.values()].flat().filter((held) => told.includes(JSON.stringify(held.filter)));
  }

  #lookUp(topic: string): HeldFilter[] {
    let filters = this.#cache.get(topic);
    if (filters === undefined) {
      filters = this.#filters.match(topic).flat();
      if (this.#cache.size >= cachedTopicsMax) this.#cache.clear();
      this.#cache.set(topic, filters);
    }
    return filters;
  }

  #set(matched: string, together: HeldFilter[]): void {
    this.#cache.clear();
    if (together.length === 0) {
      this.#filters.delete(matched);
      this.#byMatched.delete(matched);
    } else {
      this.#filters.set(matched, together);
      this.#byMatched.set(matched, together);
    }
  }
}

/** Whether the broker delivered it for this subscription; without identifiers it may have been any that matches. */
function isMeant(held: HeldFilter, delivery: Delivery): boolean {
  const identifiers = delivery.subscriptionIdentifiers;
  return identifiers.length === 0 || held.intent === undefined || identifiers.includes(held.intent.subscriptionIdentifier);
}
