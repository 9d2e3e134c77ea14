// HOT
import type { Counters } from '#base/counters.ts';
import type { Hooks } from '#hooks/hooks.ts';
import { Delivery, type Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Subscription } from '#session/subscription.ts';
import { SharedGroup } from '#topic/shared-group.ts';

/** What the shares of one broker share. */
export interface ShareServices {
  readonly hooks: Hooks;
  readonly counters: Counters;
}

/** One shared subscription: each of its messages goes to one member [MQTT-4.8.2-3]. */
export class Share implements Redelivery {
  readonly group: SharedGroup<Subscription>;
  readonly #house: ShareServices;
  #message: Message | null = null;
  #excluded: object | null = null;
  #bounces = 0;

  constructor(name: string, filter: string, house: ShareServices) {
    this.#house = house;
    this.group = new SharedGroup(name, filter);
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
      if (this.group.pick(this.#takesQoS0) === null) this.#drop(message);
      return false;
    }
    const member =
      this.group.pick(this.#isReady) ??
      this.group.pick(this.#isConnected) ??
      this.group.pick(this.#canKeep) ??
      this.group.pick(this.#mayWait);
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
    let member = this.group.pick(this.#isReady) ?? this.group.pick(this.#isConnected);
    if (mayWait) member ??= this.group.pick(this.#canKeep) ?? this.group.pick(this.#mayWait);
    if (member !== null) this.#offer(member, message);
    this.#bounces -= 1;
    return member !== null;
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

  readonly #takesQoS0 = ({ session, options, mayReceive }: Subscription): boolean => {
    const message = this.#message!;
    if (!session.isConnected || (mayReceive !== null && !mayReceive(message.topic))) return false;
    const identifiers = options.identifier === 0 ? null : [options.identifier];
    const isSent = session.sendQoS0(new Delivery(message, 0, options.retainAsPublished && message.retain, identifiers));
    // A hook that saw the message go may have published another one to this group.
    this.#message = message;
    return isSent;
  };

  readonly #isReady = (member: Subscription): boolean => member.session.isReady && this.#mayTake(member);

  readonly #isConnected = (member: Subscription): boolean =>
    member.session.isConnected && !member.session.isFull(this.#message!.weight) && this.#mayTake(member);

  readonly #canKeep = (member: Subscription): boolean => this.#mayWait(member) && !member.session.isFull(this.#message!.weight);

  readonly #mayWait = (member: Subscription): boolean => member.session.isDurable && this.#mayTake(member);

  #mayTake({ session, mayReceive }: Subscription): boolean {
    return session !== this.#excluded && (mayReceive === null || mayReceive(this.#message!.topic));
  }
}
