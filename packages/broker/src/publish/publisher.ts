// HOT
import { ReasonCode } from '@wrenmq/codec';
import type { Clock } from '#base/clock.ts';
import type { Counters, DropReason } from '#base/counters.ts';
import { type RefusalCause, RefusedBy } from '#explain/decision.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { History } from '#history/history.ts';
import type { Hooks } from '#hooks/hooks.ts';
import type { Author } from '#hooks/points.ts';
import { Delivery } from '#message/delivery.ts';
import { type Message, createMessage, NO_DELAY, OBSERVED_NEVER } from '#message/message.ts';
import type { Retained } from '#retained/retained.ts';
import type { Session } from '#session/session.ts';
import type { Committer } from '#store/committer.ts';
import type { HistoryDebts } from './history-debts.ts';
import { KeptValues } from './kept-values.ts';
import { ReaderNeed, type Route, type RouteTarget } from './route.ts';
import type { Router } from './router.ts';

/** What became of a published message: bits, so that telling it allocates nothing. */
export const Outcome = {
  /** Some subscription matched; else PUBACK and PUBREC say 0x10 No matching subscribers. */
  Matched: 1,
  /** The acknowledgement must wait until the committer's open batch is on disk (D1, D3). */
  Durable: 2,
  /** Nothing was accepted: a queue or the disk is full, 0x97 Quota exceeded (D5, D6). */
  Refused: 4,
} as const;

export interface PublisherServices {
  readonly clock: Clock;
  readonly router: Router;
  readonly retained: Retained;
  readonly committer: Committer;
  readonly counters: Counters;
  readonly hooks: Hooks;
  readonly decisions: Decisions | null;
  /** Null where no history is kept, as are its debts. */
  readonly history: History | null;
  readonly debts: HistoryDebts | null;
  /** True when a full queue refuses the publisher instead of dropping (overflow: reject). */
  refusesWhenFull: boolean;
}

/** The one door for everything that is published. */
export class Publisher {
  /** What the house tells about itself. */
  readonly values = new KeptValues();
  readonly #house: PublisherServices;
  readonly #scratch: Delivery;

  constructor(house: PublisherServices) {
    this.#house = house;
    this.#scratch = new Delivery(createMessage({ topic: 'scratch', publisher: '', receivedAtMs: 0 }), 0, false, null);
  }

  /**
   * Routes a message whose topic is authorized. `route` is the topic's, when the caller has it at hand; `from` is the
   * publisher's session, for No Local. Returns Outcome bits, or minus a reason code when a hook rejected the message.
   */
  publish(message: Message, from: Session | null, route: Route | null): number {
    const { hooks, router } = this.#house;
    const path = route !== null && route.isCurrent ? route : router.route(message.topic);
    if (hooks.hasMessageAccept && (path.isOffered || message.delay !== NO_DELAY)) {
      const answer = hooks.messageAccept(message, from === null ? null : (from.state.principal as Author));
      if (answer !== 'pass') return this.#taken(message, answer);
    }
    if (message.qos > 0 && this.#mustRefuse(message, from, path)) return this.#refused(message);
    let outcome = 0;
    if (message.retain) {
      outcome = this.#retain(message, from);
      if (outcome === Outcome.Refused || (outcome & Outcome.Matched) !== 0) return outcome;
    }
    if (path.tallyCount === 0) this.#house.decisions?.published(path, message);
    message.topicHash = path.topicHash;
    message.observedFromMs = path.deliveriesFromMs;
    if (path.deliveriesFromMs !== OBSERVED_NEVER) message.routedAtMs = this.#house.clock.turnMs();
    outcome |= this.#distribute(message, from, path);
    // ORDER: behind the distribution, which gives the message its place in the log.
    const { history } = this.#house;
    if (history !== null) {
      const slot = path.historySlot === undefined ? (path.historySlot = history.slotOf(path.topic)) : path.historySlot;
      if (slot !== null) history.append(message, slot);
    }
    if ((outcome & Outcome.Matched) === 0) this.#house.counters.publishUnmatched += 1;
    if (path.isObserved) hooks.observe('message.published', message, (outcome & Outcome.Matched) !== 0);
    return outcome;
  }

  /** Publishes a value of the house's own, which is kept in memory for those who subscribe later. */
  publishValue(message: Message): void {
    const { hooks } = this.#house;
    if (hooks.messageAccept(message, null) !== 'pass') return;
    this.values.set(message);
    this.#tell(message);
  }

  /** Publishes what the house has to tell of itself now. It is nobody's packet: when no one wants to know, that is not counted. */
  announce(message: Message): void {
    if (this.#house.hooks.messageAccept(message, null) === 'pass') this.#tell(message);
  }

  #tell(message: Message): void {
    const { hooks, router } = this.#house;
    const route = router.route(message.topic);
    // What nobody wants to know comes all the time, and would fill the memory of an idle house.
    const isWanted = route.targets.length > 0 || route.shares.length > 0;
    if (isWanted && route.tallyCount === 0) this.#house.decisions?.published(route, message);
    const outcome = this.#distribute(message, null, route);
    if (hooks.hasMessagePublished) hooks.observe('message.published', message, outcome !== 0);
  }

  #distribute(message: Message, from: Session | null, route: Route): number {
    const { targets, shares } = route;
    let outcome = route.readers === ReaderNeed.None ? 0 : this.#leaveToReaders(message, route.readers);
    for (let i = 0; i < targets.length; i += 1) {
      let target: RouteTarget | null = targets[i];
      if (target.session === from) target = target.forPublisher;
      if (target === null) {
        this.#house.decisions?.noLocal(from!, message);
        continue;
      }
      outcome |= Outcome.Matched;
      if (this.#deliver(message, target)) outcome |= Outcome.Durable;
    }
    for (let i = 0; i < shares.length; i += 1) {
      outcome |= Outcome.Matched;
      if (shares[i].deliver(message)) outcome |= Outcome.Durable;
    }
    return outcome;
  }

  /** Those who still read the history get the message from there. */
  #leaveToReaders(message: Message, need: ReaderNeed): number {
    if (need !== ReaderNeed.Durable || message.qos === 0) return Outcome.Matched;
    this.#house.debts!.add(message);
    return Outcome.Matched | Outcome.Durable;
  }

  /** True when the message is owed to a durable session now. */
  #deliver(message: Message, target: RouteTarget): boolean {
    const { hooks } = this.#house;
    const qos = message.qos < target.qos ? message.qos : target.qos;
    const retain = target.retainAsPublished && message.retain; // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    if (qos === 0) {
      // A hook that sees what goes out may publish, and that needs a delivery while this one is under way.
      const delivery = hooks.hasMessageOutbound ? new Delivery(message, 0, retain, null) : this.#scratch;
      delivery.message = message;
      delivery.retain = retain;
      delivery.subscriptionIdentifiers = target.subscriptionIdentifiers;
      target.session.offerQoS0(delivery, target);
      return false;
    }
    target.session.offer(new Delivery(message, qos, retain, target.subscriptionIdentifiers));
    return target.session.isDurable;
  }

  /** Besides what concerns retaining, `Matched` says that the message goes no further. */
  #retain(message: Message, from: Session | null): number {
    const { retained, committer } = this.#house;
    // At QoS 0: who keeps sending would have every batch refused, those that make room, too.
    if (committer.isFull && isKept(message)) {
      this.#notRetained(message, 'store-full');
      return 0;
    }
    const result = retained.set(message, from === null ? null : (from.state.principal as Author).username);
    if (result === 'refused' || result === 'too-fast') {
      this.#notRetained(message, result === 'refused' ? 'retained-full' : 'retained-rate');
      // At QoS 0 nobody can be told: the message goes to those who are here.
      return message.qos > 0 ? this.#refused(message) : 0;
    }
    if (result === 'silenced') this.#house.decisions?.silenced(message);
    return (message.qos > 0 ? Outcome.Durable : 0) | (result === 'silenced' ? Outcome.Matched : 0);
  }

  /** A message was to be retained, and is not. */
  #notRetained(message: Message, reason: DropReason): void {
    const { counters, hooks } = this.#house;
    counters.dropped[reason] += 1;
    hooks.observe('message.dropped', null, message, reason);
  }

  /** There is no room for it. */
  #refused(message: Message): number {
    this.#house.decisions?.refused(message, message.publisher, noRoom);
    return Outcome.Refused;
  }

  /** A hook has taken or rejected it: what its publisher hears. */
  #taken(message: Message, answer: 'taken' | 'stored' | number): number {
    const { decisions } = this.#house;
    if (typeof answer !== 'number') decisions?.taken(message);
    else decisions?.refused(message, message.publisher, answer === ReasonCode.QuotaExceeded ? noRoom : byHook);
    return outcomeOf(answer);
  }

  #mustRefuse(message: Message, from: Session | null, route: Route): boolean {
    const { committer, refusesWhenFull } = this.#house;
    if (committer.isFull && (isKept(message) || route.hasDurable)) return true;
    if (!refusesWhenFull) return false;
    return route.isFull(message, from);
  }
}

const noRoom: RefusalCause = { by: RefusedBy.NoRoom, rule: null, text: '' };
const byHook: RefusalCause = { by: RefusedBy.Hook, rule: null, text: '' };

/** What the publisher of a message hears that a hook took or rejected. */
function outcomeOf(answer: 'taken' | 'stored' | number): number {
  if (answer === 'taken') return Outcome.Matched;
  if (answer === 'stored') return Outcome.Matched | Outcome.Durable;
  return answer === ReasonCode.QuotaExceeded ? Outcome.Refused : -answer;
}

/** Whether it is to be retained; what clears a retained message makes room. */
function isKept({ retain, payloadBytes }: Message): boolean {
  return retain && payloadBytes > 0;
}
