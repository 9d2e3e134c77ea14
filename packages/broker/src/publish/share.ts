// HOT
import type { Counters } from '#base/counters.ts';
import type { Hooks } from '#hooks/hooks.ts';
import { Delivery, type Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Subscription } from '#session/subscription.ts';
import { hashText, SharedGroup } from '#topic/shared-group.ts';
import { strategyFor, type ShareSettings } from './share-settings.ts';
import { createShareStrategy, type ShareStrategy } from './share-strategy.ts';

/** What the shares of one broker share. */
export interface ShareServices {
  readonly hooks: Hooks;
  readonly counters: Counters;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Replaced as a whole when the configuration is read again. */
  settings: ShareSettings;
}

/** One shared subscription: each of its messages goes to one member [MQTT-4.8.2-3]. */
export class Share implements Redelivery {
  readonly group: SharedGroup<Subscription>;
  readonly #house: ShareServices;
  #strategy: ShareStrategy;
  #message: Message | null = null;
  #excluded: object | null = null;
  #bounces = 0;

  constructor(name: string, filter: string, house: ShareServices) {
    this.#house = house;
    this.group = new SharedGroup(name, filter);
    this.#strategy = this.#createStrategy();
  }

  join(member: Subscription): void {
    this.group.join(member, hashText(member.session.clientId));
  }

  leave(member: Subscription): void {
    if (this.group.leave(member)) this.#strategy.forget(member, null);
  }

  /** A member subscribed once more: it keeps its place, and what it has under way. */
  replace(before: Subscription, after: Subscription): void {
    if (this.group.replace(before, after)) this.#strategy.forget(before, after);
  }

  /** The configuration was read again. */
  reconfigure(): void {
    this.#strategy = this.#createStrategy();
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
    const member = this.#choosePresent(message) ?? this.#chooseAway(message);
    if (member === null) {
      this.#drop(message);
      return false;
    }
    return this.#offer(member, message);
  }

  redeliver(message: Message, from: object, mayWait: boolean): boolean {
    // Members that all refuse a message, for its size, must not pass it round forever.
    if (this.#bounces > this.group.size) return false;
    this.#bounces += 1;
    this.#message = message;
    this.#excluded = from;
    const member = this.#choosePresent(message) ?? (mayWait ? this.#chooseAway(message) : null);
    if (member !== null) this.#offer(member, message);
    this.#bounces -= 1;
    return member !== null;
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

  #offer({ session, options }: Subscription, message: Message): boolean {
    const qos = options.qos < message.qos ? options.qos : message.qos;
    const identifiers = options.identifier === 0 ? null : [options.identifier];
    const delivery = new Delivery(message, qos, options.retainAsPublished && message.retain, identifiers);
    delivery.group = this;
    if (qos === 0) session.offerQoS0(delivery);
    else session.offer(delivery);
    return qos > 0 && session.isDurable;
  }

  /** Nobody in the group can take the message now. */
  #drop(message: Message): void {
    this.#house.counters.dropped['no-member'] += 1;
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

  readonly #isConnected = (member: Subscription): boolean =>
    member.session.isConnected && !member.session.isFull(this.#message!.weight) && this.#mayTake(member);

  readonly #canKeep = (member: Subscription): boolean => this.#mayWait(member) && !member.session.isFull(this.#message!.weight);

  readonly #mayWait = (member: Subscription): boolean => member.session.isDurable && this.#mayTake(member);

  #mayTake({ session, mayReceive }: Subscription): boolean {
    return session !== this.#excluded && (mayReceive === null || mayReceive(this.#message!.topic));
  }
}
