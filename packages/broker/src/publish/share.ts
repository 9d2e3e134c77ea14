// HOT
import type { Counters } from '#base/counters.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { SharedGroupStatistics } from '#hooks/feature.ts';
import type { Hooks } from '#hooks/hooks.ts';
import { Delivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Session } from '#session/session.ts';
import type { Subscription } from '#session/subscription.ts';
import type { GroupMembers, GroupQueue } from './group-queue.ts';
import type { GroupQueues } from './group-queues.ts';
import { hashText, SharedGroup } from '#topic/shared-group.ts';
import { strategyFor, type ShareSettings } from './share-settings.ts';
import { createShareStrategy, type ShareStrategy } from './share-strategy.ts';

/** What the shares of one broker share. */
export interface ShareServices {
  readonly hooks: Hooks;
  readonly counters: Counters;
  readonly queues: GroupQueues;
  readonly decisions: Decisions | null;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Replaced as a whole when the configuration is read again. */
  settings: ShareSettings;
}

/** One shared subscription: each of its messages goes to one member [MQTT-4.8.2-3]. */
export class Share implements GroupMembers {
  readonly group: SharedGroup<Subscription>;
  readonly #house: ShareServices;
  /** Members whose session, or whose QoS 0, does not outlive a connection. */
  #fleeting = 0;
  /** True when all members outlive their connections: then messages that nobody can take wait in the group's own queue. */
  #isDurable = false;
  /** What waits for the group; null as long as nothing has. A group that is not durable any more empties it. */
  #queue: GroupQueue | null;
  #strategy: ShareStrategy;
  #message: Message | null = null;
  #excluded: object | null = null;
  #bounces = 0;

  constructor(name: string, filter: string, house: ShareServices) {
    this.#house = house;
    this.group = new SharedGroup(name, filter);
    this.#strategy = this.#createStrategy();
    this.#queue = house.queues.get(this.text);
    this.#queue?.attach(this);
  }

  get name(): string {
    return this.group.name;
  }

  /** As clients subscribe to it. */
  get text(): string {
    return `$share/${this.group.name}/${this.group.filter}`;
  }

  get isAnybodyConnected(): boolean {
    for (const { session } of this.group.members) if (session.isConnected) return true;
    return false;
  }

  join(member: Subscription): void {
    if (!this.group.join(member, hashText(member.session.clientId))) return;
    if (isFleeting(member)) this.#fleeting += 1;
    this.#weigh();
    this.#queue?.join(member.session);
  }

  /** With the last member goes what waits for the group. */
  leave(member: Subscription): void {
    if (!this.group.leave(member)) return;
    this.#strategy.forget(member, null);
    if (isFleeting(member)) this.#fleeting -= 1;
    this.#weigh();
    this.#queue?.leave(member.session);
    if (this.#queue === null || !this.group.isEmpty) return;
    this.#house.queues.close(this.#queue);
    this.#queue = null;
  }

  /** A member subscribed once more: it keeps its place, and what it has under way. */
  replace(before: Subscription, after: Subscription): void {
    if (!this.group.replace(before, after)) return;
    this.#strategy.forget(before, after);
    this.#fleeting += Number(isFleeting(after)) - Number(isFleeting(before));
    this.#weigh();
  }

  /** The configuration was read again. */
  reconfigure(): void {
    this.#strategy = this.#createStrategy();
    this.#weigh();
    this.#queue?.pump();
  }

  /** At start, when all sessions are back: members that had something and stay away are asked for it. */
  resume(): void {
    if (!this.#isDurable) return;
    for (const { session } of this.group.members) if (session.waiting > 0) this.#openQueue().expect(session);
  }

  statistics(nowMs: number): SharedGroupStatistics {
    const queue = this.#queue;
    const oldestAtMs = queue === null ? null : queue.oldestAtMs;
    let connected = 0;
    for (const { session } of this.group.members) if (session.isConnected) connected += 1;
    return {
      group: this.group.name,
      filter: this.group.filter,
      strategy: strategyFor(this.#house.settings, this.group.name).strategy,
      isDurable: this.#isDurable,
      members: this.group.size,
      membersConnected: connected,
      waiting: queue?.waiting ?? 0,
      waitingBytes: queue?.bytes ?? 0,
      oldestWaitingMs: oldestAtMs === null ? null : Math.max(nowMs - oldestAtMs, 0),
      returned: queue?.returned ?? 0,
      deadLettered: queue?.deadLettered ?? 0,
      dropped: queue?.dropped ?? 0,
    };
  }

  /** True when a message may be owed to a member that outlives its connection. */
  hasDurableMember(): boolean {
    for (const { session, options } of this.group.members) if (options.qos > 0 && session.isDurable) return true;
    return false;
  }

  /** True when members that outlive their connections are all there is, or all that is left, and none has room for the message. */
  isFull(message: Message): boolean {
    this.#message = message;
    this.#excluded = null;
    if (this.#usesQueue) {
      const isOnItsWay = (this.#queue === null || this.#queue.isEmpty) && this.#chooseReady(message, false) !== null;
      return !isOnItsWay && this.#openQueue().isFull(message.weight);
    }
    let hasDurable = false;
    for (const member of this.group.members) {
      if (!this.#mayTake(member)) continue;
      if (this.#isReady(member) || this.#isConnected(member) || this.#canKeep(member)) return false;
      hasDurable ||= member.session.isDurable;
    }
    return hasDurable;
  }

  /** Gives the message to the member whose turn it is. True when that member is durable and gets it at QoS 1 or 2. */
  deliver(message: Message): boolean {
    this.#message = message;
    this.#excluded = null;
    if (message.qos === 0) {
      this.#deliverQoS0(message);
      return false;
    }
    if (this.#usesQueue) return this.#deliverDurably(message);
    const member = this.#choosePresent(message) ?? this.#chooseAway(message);
    if (member === null) {
      this.#drop(message);
      return false;
    }
    return this.#offer(member, message);
  }

  hand(message: Message, failures: number, isLoose: boolean): boolean {
    const member = this.#chooseReady(message, isLoose);
    if (member !== null) this.#offer(member, message, failures);
    return member !== null;
  }

  hasMemberFor(message: Message): boolean {
    this.#message = message;
    this.#excluded = null;
    for (const member of this.group.members) if (this.#mayTake(member)) return true;
    return false;
  }

  lost(message: Message, from: object, failures: number): boolean {
    if (!this.#isDurable) return this.redeliver(message, from, false, failures);
    const queue = this.#openQueue();
    if (queue.giveUp(message, failures)) return true;
    queue.expect(from as Session);
    return false;
  }

  redeliver(message: Message, from: object, mayWait: boolean, failures: number): boolean {
    if (mayWait && this.#isDurable) {
      const isHeirless = (from as Session).isEnded && !this.#hasOther(from);
      if (!isHeirless) this.#openQueue().takeBack(message, failures);
      return !isHeirless;
    }
    // Members that all refuse a message, for its size, must not pass it round forever.
    if (this.#bounces > this.group.size) return false;
    this.#bounces += 1;
    this.#message = message;
    this.#excluded = from;
    const member = this.#choosePresent(message) ?? (mayWait ? this.#chooseAway(message) : null);
    if (member !== null) this.#offer(member, message, failures);
    this.#bounces -= 1;
    return member !== null;
  }

  /** True when what no member can take at once waits for the group, and what comes goes behind what waits. */
  get #usesQueue(): boolean {
    return this.#isDurable || (this.#queue !== null && !this.#queue.isEmpty);
  }

  /** To a member that can send it now, if nothing waits before it; else behind that. */
  #deliverDurably(message: Message): boolean {
    if (this.#queue === null || this.#queue.isEmpty) {
      const member = this.#chooseReady(message, false);
      if (member !== null) return this.#offer(member, message);
    }
    if (this.hasMemberFor(message)) return this.#openQueue().add(message);
    this.#drop(message);
    return false;
  }

  /** Who can send now. A faithful strategy insists on its member, unless it is asked not to. */
  #chooseReady(message: Message, isLoose: boolean): Subscription | null {
    this.#message = message;
    this.#excluded = null;
    const strategy = this.#strategy;
    if (!strategy.isFaithful || isLoose) return strategy.pick(message, this.#isReadyWithRoom);
    const member = strategy.pick(message, this.#isConnected);
    return member !== null && this.#isReadyWithRoom(member) ? member : null;
  }

  #hasOther(session: object): boolean {
    for (const member of this.group.members) if (member.session !== session) return true;
    return false;
  }

  #openQueue(): GroupQueue {
    if (this.#queue !== null) return this.#queue;
    this.#queue = this.#house.queues.open(this.text);
    this.#queue.attach(this);
    for (const { session } of this.group.members) this.#queue.join(session);
    return this.#queue;
  }

  /** Decides whether the group is durable. */
  #weigh(): void {
    this.#isDurable = this.#house.settings.durableGroups && this.#fleeting === 0 && !this.group.isEmpty;
  }

  /** Who can send now, or, when the strategy insists on a member or nobody can, who is connected and has room. */
  #choosePresent(message: Message): Subscription | null {
    const strategy = this.#strategy;
    return (strategy.isFaithful ? null : strategy.pick(message, this.#isReady)) ?? strategy.pick(message, this.#isConnected);
  }

  /** Who keeps it until its client is back: one with room, or else one whose overflow policy decides. */
  #chooseAway(message: Message): Subscription | null {
    return this.#strategy.pick(message, this.#canKeep) ?? this.#strategy.pick(message, this.#mayWait);
  }

  /** The chosen member, or, when it does not read, the next that does. */
  #deliverQoS0(message: Message): void {
    const chosen = this.#strategy.pick(message, this.#isHere);
    if (chosen !== null) {
      if (this.#sendQoS0(chosen)) return;
      this.#excluded = chosen.session;
      if (this.group.pick(this.#takesQoS0) !== null) return;
    }
    this.#drop(message);
  }

  #createStrategy(): ShareStrategy {
    return createShareStrategy(strategyFor(this.#house.settings, this.group.name), this.group, this.#house.random);
  }

  /** `failures` is null for a message that comes from its publisher. */
  #offer({ session, options }: Subscription, message: Message, failures: number | null = null): boolean {
    const qos = options.qos < message.qos ? options.qos : message.qos;
    const identifiers = options.identifier === 0 ? null : [options.identifier];
    const delivery = new Delivery(message, qos, options.retainAsPublished && message.retain, identifiers);
    delivery.group = this;
    if (failures !== null) {
      delivery.failures = failures;
      delivery.isAccepted = true;
    }
    if (qos === 0) session.offerQoS0(delivery);
    else session.offer(delivery);
    return qos > 0 && session.isDurable;
  }

  /** Nobody in the group can take the message now. */
  #drop(message: Message): void {
    this.#house.counters.dropped['no-member'] += 1;
    this.#house.decisions?.groupDropped(message, 'no-member');
    this.#house.hooks.observe('message.dropped', null, message, 'no-member');
  }

  #sendQoS0({ session, options }: Subscription): boolean {
    const message = this.#message!;
    const excluded = this.#excluded;
    const identifiers = options.identifier === 0 ? null : [options.identifier];
    const isSent = session.sendQoS0(new Delivery(message, 0, options.retainAsPublished && message.retain, identifiers));
    // A hook that saw the message go may have published another one to this group.
    this.#message = message;
    this.#excluded = excluded;
    return isSent;
  }

  readonly #isHere = (member: Subscription): boolean => member.session.isConnected && this.#mayTake(member);

  readonly #takesQoS0 = (member: Subscription): boolean => this.#isHere(member) && this.#sendQoS0(member);

  readonly #isReady = (member: Subscription): boolean => member.session.isReady && this.#mayTake(member);

  readonly #isReadyWithRoom = (member: Subscription): boolean => this.#isReady(member) && !member.session.isFull(this.#message!.weight);

  readonly #isConnected = (member: Subscription): boolean =>
    member.session.isConnected && !member.session.isFull(this.#message!.weight) && this.#mayTake(member);

  readonly #canKeep = (member: Subscription): boolean => this.#mayWait(member) && !member.session.isFull(this.#message!.weight);

  readonly #mayWait = (member: Subscription): boolean => member.session.isDurable && this.#mayTake(member);

  #mayTake({ session, mayReceive }: Subscription): boolean {
    return session !== this.#excluded && (mayReceive === null || mayReceive(this.#message!.topic));
  }
}

function isFleeting({ session, options }: Subscription): boolean {
  return options.qos === 0 || !session.isDurable;
}
