import { ReasonCode } from '@wrenmq/codec';
import type { Authorizer, SubscribeAnswer } from '#auth/authorizer.ts';
import type { Principal } from '#auth/client-identity.ts';
import type { Clock } from '#base/clock.ts';
import type { Counters } from '#base/counters.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { MessageHistory } from '#history/message-history.ts';
import type { Hooks } from '#hooks/hooks.ts';
import type { SubscriptionRequest } from '#hooks/points.ts';
import type { QoS } from '#message/message.ts';
import type { Router } from '#publish/router.ts';
import type { Session } from '#session/session.ts';
import { Subscription, type SubscriptionOptions } from '#session/subscription.ts';
import type { Committer } from '#store/committer.ts';
import { type HistoryFilter, isHistoryTopic, parseHistoryFilter } from '#topic/history-filter.ts';
import { startOf } from '#topic/history-position.ts';
import { type ParsedFilter, parseTopicFilter } from '#topic/topic-filter.ts';
import type { Capabilities } from './capabilities.ts';
import type { Client } from './client.ts';
import { HistoryReader } from './history-reader.ts';
import type { Refusals } from './refusals.ts';

/** One filter of a SUBSCRIBE. */
export interface FilterRequest {
  readonly filter: string;
  readonly options: SubscriptionOptions;
}

/** What SUBACK says of a filter, and what of what is stored is due to the subscription. */
export interface FilterAnswer {
  readonly reasonCode: number;
  /** In words, where the code alone would not help. */
  readonly reason?: string;
  /** Its retained messages. */
  readonly retainedFor: Subscription | null;
  /** Its reading of the history, which begins with SUBACK. */
  readonly reading?: HistoryReader;
}

export interface SubscriberServices {
  readonly authorizer: Authorizer;
  readonly hooks: Hooks;
  readonly router: Router;
  readonly committer: Committer;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Null where none is kept. */
  readonly history: MessageHistory | null;
  readonly capabilities: Capabilities;
  /** Both null where nothing is to be explained. */
  readonly decisions: Decisions | null;
  readonly refusals: Refusals | null;
}

/** A filter that was found valid, and how it reads the history, if it does. */
interface Wanted extends ParsedFilter {
  readonly history?: HistoryFilter;
}

/** A subscription on its way, after everybody has agreed. */
interface Agreed {
  readonly wanted: Wanted;
  /** As the client sent it. */
  readonly requested: string;
  readonly options: SubscriptionOptions;
  readonly allowed: SubscribeAnswer;
}

/** Readings of the history of one client at a time. */
const READINGS_MAX = 32;
/** So much of a filter is told again with what is wrong with it. */
const TOLD_CHARACTERS_MAX = 200;

const wildcard = /[+#]/;

/** Makes and ends subscriptions, after asking everyone who has a say. */
export class Subscriber {
  readonly #house: SubscriberServices;

  constructor(house: SubscriberServices) {
    this.#house = house;
  }

  /** Decides filter by filter, in order [MQTT-3.8.4-6]. */
  async subscribe(client: Client, requests: readonly FilterRequest[]): Promise<FilterAnswer[]> {
    const answers: FilterAnswer[] = [];
    for (const request of requests) {
      const answer = await this.#subscribeOne(client, request);
      answers.push(typeof answer === 'number' ? { reasonCode: answer, retainedFor: null } : answer);
      this.#remember(client, request, answers.at(-1)!.reasonCode);
    }
    return answers;
  }

  /** Reason codes in the order of the filters [MQTT-3.11.3-1]. */
  unsubscribe(client: Client, filters: readonly string[]): number[] {
    return filters.map((text) => {
      const subscription = this.#remove(client, text);
      const hasEnded = this.#endReading(client, subscription?.text ?? text);
      if (subscription === undefined) return hasEnded ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted;
      this.#house.router.remove(subscription);
      this.#house.counters.subscriptionsEnded += 1;
      this.#house.decisions?.unsubscribed(client.session, subscription);
      this.#house.hooks.observe('subscription.removed', client.facts.clientId, subscription.text);
      return ReasonCode.Success;
    });
  }

  /** The client is back: the readings of its session that go on where they were. */
  resumeReadings(client: Client): readonly HistoryReader[] {
    if (this.#house.history === null) return [];
    const readings: HistoryReader[] = [];
    for (const subscription of client.session.state.subscriptions()) {
      if (subscription.catchUp !== null) readings.push(this.#read(client, subscription, subscription.text));
    }
    return readings;
  }

  /** Takes a stored subscription back into the router, with the permissions of today (a right may be gone meanwhile). */
  restore(subscription: Subscription, principal: Principal): void {
    this.#house.router.add(subscription);
    this.reauthorize(subscription, principal);
  }

  /** Applies changed rules to a subscription that exists: what its owner may not read any more is not delivered any more. */
  reauthorize(subscription: Subscription, principal: Principal): void {
    const answer = this.#house.authorizer.authorizeSubscribe(principal, authorizedTextOf(subscription), subscription.options.qos);
    if (answer === 'allow') subscription.mayReceive = null;
    else subscription.mayReceive = this.#topicCheck(subscription, principal, answer === 'deny');
  }

  /** That it was refused, if it was. */
  #remember({ session, facts }: Client, { filter, options }: FilterRequest, reasonCode: number): void {
    const { refusals, hooks } = this.#house;
    if (refusals === null || reasonCode < ReasonCode.UnspecifiedError) return;
    refusals.subscribing(session, hooks.subscriptionName(facts, filter), options.qos, reasonCode);
  }

  /** Takes away what the client calls by this name, or what hooks made of it when it subscribed. */
  #remove({ session, facts }: Client, text: string): Subscription | undefined {
    const subscription = session.state.removeSubscription(text);
    if (subscription !== undefined) return subscription;
    return session.state.removeSubscription(this.#house.hooks.subscriptionName(facts, text));
  }

  #endReading({ readings, facts }: Client, text: string): boolean {
    if (readings === null) return false;
    return readings.delete(text) || readings.delete(this.#house.hooks.subscriptionName(facts, text));
  }

  #read(client: Client, subscription: Subscription, requested: string): HistoryReader {
    const reading = new HistoryReader(client, subscription, requested, this.#house);
    client.readings ??= new Map();
    client.readings.set(subscription.text, reading);
    return reading;
  }

  async #subscribeOne(client: Client, request: FilterRequest): Promise<FilterAnswer | number> {
    // A hook takes its own prefix off and leaves what is behind it.
    const misplaced = this.#parseHistory(request.filter);
    if (typeof misplaced === 'string') return refused(request.filter, misplaced);
    const rewritten = this.#house.hooks.subscriptionInbound(client.facts, { filter: request.filter, qos: request.options.qos });
    if (typeof rewritten === 'number') return rewritten;
    const wanted = this.#parse(rewritten);
    if (typeof wanted === 'string') return refused(rewritten.filter, wanted);
    if (wanted === null) return ReasonCode.TopicFilterInvalid;
    const refusal = this.#refusal(client, wanted, request.options);
    if (refusal !== 0) return refusal;
    const allowed = await this.#authorize(client, wanted, rewritten.qos);
    if (allowed === 'deny') return ReasonCode.NotAuthorized;
    const qos = Math.min(rewritten.qos, this.#house.capabilities.maximumQoS) as QoS;
    return this.#install(client, { wanted, requested: request.filter, options: { ...request.options, qos }, allowed });
  }

  #parseHistory(filter: string): HistoryFilter | string | null {
    const { topicLevelsMax, topicBytesMax } = this.#house.capabilities;
    const parsed = parseHistoryFilter(filter, topicLevelsMax, topicBytesMax);
    if (parsed === null || this.#house.history?.isEnabled === true) return parsed;
    return 'asks for the history, which is switched off';
  }

  /** Null when the filter is not valid, or longer than may be; a string says why, where that is not plain. */
  #parse({ filter, match }: SubscriptionRequest): Wanted | string | null {
    const history = this.#parseHistory(filter);
    if (typeof history === 'string') return history;
    if (history !== null) return { text: filter, filter: history.filter, group: null, history };
    const { topicLevelsMax, topicBytesMax } = this.#house.capabilities;
    // Of a name only what it matches has levels.
    const named = parseTopicFilter(filter, match === undefined ? topicLevelsMax : Infinity, topicBytesMax);
    if (typeof named === 'string') return null;
    if (match === undefined) return named;
    const matched = parseTopicFilter(match, topicLevelsMax, topicBytesMax);
    if (typeof matched === 'string' || matched.group !== null || named.group !== null || isHistoryTopic(match)) return null;
    return { text: filter, filter: match, group: null };
  }

  #refusal(client: Client, parsed: Wanted, options: SubscriptionOptions): number {
    const { capabilities } = this.#house;
    const { state } = client.session;
    const { readings } = client;
    if (parsed.history !== undefined && readings !== null && readings.size >= READINGS_MAX && !readings.has(parsed.text)) {
      return ReasonCode.QuotaExceeded;
    }
    if (parsed.group !== null && !capabilities.sharedSubscriptionAvailable) return ReasonCode.SharedSubscriptionsNotSupported;
    if (!capabilities.wildcardSubscriptionAvailable && wildcard.test(parsed.filter)) return ReasonCode.WildcardSubscriptionsNotSupported;
    if (options.identifier !== 0 && !capabilities.subscriptionIdentifierAvailable) return ReasonCode.SubscriptionIdentifiersNotSupported;
    if (state.subscription(parsed.text) !== undefined || parsed.history?.isLive === false) return 0;
    const isUnstorable = client.session.isDurable && this.#house.committer.isFull;
    return isUnstorable || state.subscriptionCount >= capabilities.subscriptionsPerClientMax ? ReasonCode.QuotaExceeded : 0;
  }

  async #authorize(client: Client, parsed: ParsedFilter, qos: QoS): Promise<SubscribeAnswer> {
    const hooked = this.#house.hooks.authorize(client.facts, 'subscribe', parsed.filter);
    if (hooked === 'allow') return 'allow';
    if (hooked !== 'abstain') return 'deny';
    return this.#house.authorizer.authorizeSubscribe(client.principal, authorizedTextOf(parsed), qos);
  }

  #install(client: Client, agreed: Agreed): FilterAnswer {
    const { router, hooks } = this.#house;
    const { wanted, requested, options } = agreed;
    const { session } = client;
    // The connection may be gone, and its session with it, while someone was asked.
    if (session.isEnded) return { reasonCode: ReasonCode.UnspecifiedError, retainedFor: null };
    // ORDER: asked last, and nothing is waited for from here on: what was free is taken in the same turn.
    const accepted = hooks.subscriptionAccept(client.facts, { filter: wanted.text, qos: options.qos, match: wanted.filter });
    if (accepted !== 'abstain') return { reasonCode: accepted.deny, retainedFor: null };
    const before = session.state.subscription(wanted.text);
    const subscription = this.#make(client, agreed, before);
    const { catchUp } = subscription;
    const read = (): { reading?: HistoryReader } => (catchUp === null ? {} : { reading: this.#read(client, subscription, requested) });
    if (wanted.history?.isLive === false) return { reasonCode: options.qos, retainedFor: null, ...read() };
    session.state.putSubscription(subscription);
    if (before === undefined) router.add(subscription);
    else router.replace(before, subscription);
    this.#house.counters.subscriptionsMade += 1;
    this.#house.decisions?.subscribed(session, subscription, before);
    hooks.observe('subscription.added', client.facts.clientId, wanted.text, options.qos, options);
    if (wanted.history !== undefined) return { reasonCode: options.qos, retainedFor: null, ...read() };
    const isDue = wanted.group === null && (options.retainHandling === 0 || (options.retainHandling === 1 && before === undefined));
    return { reasonCode: options.qos, retainedFor: isDue ? subscription : null }; // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
  }

  #make({ session, principal }: Client, { wanted, options, allowed }: Agreed, before: Subscription | undefined): Subscription {
    const { history, clock } = this.#house;
    const isReading = wanted.history?.isLive === false;
    const number = isReading ? 0 : (before?.number ?? session.state.takeSubscriptionNumber());
    const subscription = new Subscription(session, wanted, options, number);
    if (allowed === 'filtered') subscription.mayReceive = this.#topicCheck(subscription, principal, false);
    if (wanted.history === undefined) return subscription;
    // Asked for again, what becomes live goes on where it is.
    subscription.catchUp = before === undefined ? startOf(wanted.history, clock.wallMs(), history!.nextOffset) : before.catchUp;
    return subscription;
  }

  /** `isDenied`: the filter as a whole is. */
  #topicCheck({ session, options: { qos } }: Subscription, principal: Principal, isDenied: boolean): (topic: string) => boolean {
    const { authorizer, refusals } = this.#house;
    return (topic) => {
      const mayReceive = !isDenied && authorizer.mayReceive(principal, topic, qos);
      if (!mayReceive) refusals?.receiving(session, principal, topic, qos);
      return mayReceive;
    };
  }
}

/** 0x8F, and why. */
function refused(filter: string, problem: string): FilterAnswer {
  const reason = `${JSON.stringify(filter.slice(0, TOLD_CHARACTERS_MAX))} ${problem}`;
  return { reasonCode: ReasonCode.TopicFilterInvalid, reason, retainedFor: null };
}

/** What the rules are asked about: never a mere name. `$share/group/` is taken off there. */
function authorizedTextOf({ text, filter, group }: ParsedFilter): string {
  return group === null ? filter : text;
}

/** Who the owner of a stored session was when it was last connected. */
export function principalOf(session: Session): Principal {
  return session.state.principal as Principal;
}
