// HOT
import type { Message } from '#message/message.ts';
import type { Subscription } from '#session/subscription.ts';
import { hashText, type SharedGroup } from '#topic/shared-group.ts';

/** Members of one shared subscription. */
export type ShareMembers = SharedGroup<Subscription>;

/** How a shared subscription chooses a member for a message. One object for each share, since some remember. */
export interface ShareStrategy {
  /**
   * True when a member that was chosen gets the message even if it has to wait and others are idle: what belongs to one
   * key stays in order. False: whoever can send at once goes before the others.
   */
  readonly isFaithful: boolean;
  /** One of those who can take it, or null. Once per message: must not allocate. */
  pick(message: Message, canTake: (member: Subscription) => boolean): Subscription | null;
  /** A member has left, or stands in the group as `heir` from here on. */
  forget(member: Subscription, heir: Subscription | null): void;
}

/** The names of EMQX, and the one of its message queues. */
export type ShareStrategyName =
  | 'random'
  | 'round_robin'
  | 'round_robin_per_group'
  | 'sticky'
  | 'local'
  | 'hash_clientid'
  | 'hash_topic'
  | 'least_inflight';

/** How a publisher's first member is chosen. */
export type StickyInitialPick = 'random' | 'local' | 'hash_clientid' | 'hash_topic';

export interface StrategyChoice {
  readonly strategy: ShareStrategyName;
  readonly stickyInitialPick: StickyInitialPick;
}

/** Publishers that a sticky share remembers the member of; the one that was chosen first is forgotten first. */
const STICKY_PUBLISHERS_MAX = 16_384;

export function createShareStrategy(
  { strategy, stickyInitialPick }: StrategyChoice,
  members: ShareMembers,
  random: () => number,
): ShareStrategy {
  switch (strategy) {
    case 'random':
    // All members of a share are on this node; those of other nodes are asked when none of these can take.
    case 'local':
      return new RandomStrategy(members, random);
    case 'hash_clientid':
      return new HashStrategy(members, publisherOf);
    case 'hash_topic':
      return new HashStrategy(members, topicOf);
    case 'sticky':
      return new StickyStrategy(createShareStrategy({ strategy: stickyInitialPick, stickyInitialPick }, members, random));
    case 'least_inflight':
      return new LeastInflightStrategy(members);
    case 'round_robin':
    case 'round_robin_per_group':
      return new RoundRobinStrategy(members);
  }
}

/** In turn: one order for the whole node, whoever publishes. */
class RoundRobinStrategy implements ShareStrategy {
  readonly isFaithful = false;
  readonly #members: ShareMembers;

  constructor(members: ShareMembers) {
    this.#members = members;
  }

  pick(_message: Message, canTake: (member: Subscription) => boolean): Subscription | null {
    return this.#members.pick(canTake);
  }

  forget(): void {}
}

class RandomStrategy implements ShareStrategy {
  readonly isFaithful = false;
  readonly #members: ShareMembers;
  readonly #random: () => number;

  constructor(members: ShareMembers, random: () => number) {
    this.#members = members;
    this.#random = random;
  }

  pick(_message: Message, canTake: (member: Subscription) => boolean): Subscription | null {
    return this.#members.pickRandom(this.#random, canTake);
  }

  forget(): void {}
}

/** Who has the fewest messages that it has not acknowledged. Costs a look at every member while all are busy. */
class LeastInflightStrategy implements ShareStrategy {
  readonly isFaithful = false;
  readonly #members: ShareMembers;

  constructor(members: ShareMembers) {
    this.#members = members;
  }

  pick(_message: Message, canTake: (member: Subscription) => boolean): Subscription | null {
    return this.#members.pickLeast(loadOf, canTake);
  }

  forget(): void {}
}

/** The same member for the same key. Costs a few nanoseconds for each member. */
class HashStrategy implements ShareStrategy {
  readonly isFaithful = true;
  readonly #members: ShareMembers;
  readonly #keyOf: (message: Message) => string;

  constructor(members: ShareMembers, keyOf: (message: Message) => string) {
    this.#members = members;
    this.#keyOf = keyOf;
  }

  pick(message: Message, canTake: (member: Subscription) => boolean): Subscription | null {
    return this.#members.pickByKey(hashText(this.#keyOf(message)), canTake);
  }

  forget(): void {}
}

/** A publisher keeps its member until that goes. */
class StickyStrategy implements ShareStrategy {
  readonly isFaithful = true;
  readonly #initial: ShareStrategy;
  readonly #memberOf = new Map<string, Subscription>();

  constructor(initial: ShareStrategy) {
    this.#initial = initial;
  }

  pick(message: Message, canTake: (member: Subscription) => boolean): Subscription | null {
    const known = this.#memberOf.get(message.publisher);
    if (known !== undefined && canTake(known)) return known;
    const chosen = this.#initial.pick(message, canTake);
    // One that is here and only has no room, or no right to this topic, stays the publisher's.
    if (chosen !== null && known?.session.isConnected !== true) this.#remember(message.publisher, chosen);
    return chosen;
  }

  forget(member: Subscription, heir: Subscription | null): void {
    for (const [publisher, known] of this.#memberOf) {
      if (known !== member) continue;
      if (heir === null) this.#memberOf.delete(publisher);
      else this.#memberOf.set(publisher, heir);
    }
  }

  #remember(publisher: string, member: Subscription): void {
    if (this.#memberOf.size >= STICKY_PUBLISHERS_MAX) this.#memberOf.delete(this.#memberOf.keys().next().value!);
    this.#memberOf.set(publisher, member);
  }
}

function publisherOf(message: Message): string {
  return message.publisher;
}

function topicOf(message: Message): string {
  return message.topic;
}

function loadOf({ session }: Subscription): number {
  return session.unfinished;
}
