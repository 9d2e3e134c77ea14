import { ReasonCode } from '@wrenmq/codec';
import type { Authorizer, SubscribeAnswer } from '#auth/authorizer.ts';
import type { Principal } from '#auth/client-identity.ts';
import type { Counters } from '#base/counters.ts';
import type { Hooks } from '#hooks/hooks.ts';
import type { SubscriptionRequest } from '#hooks/points.ts';
import type { QoS } from '#message/message.ts';
import type { Router } from '#publish/router.ts';
import type { Session } from '#session/session.ts';
import { Subscription, type SubscriptionOptions } from '#session/subscription.ts';
import type { Committer } from '#store/committer.ts';
import { type ParsedFilter, parseTopicFilter } from '#topic/topic-filter.ts';
import type { Capabilities } from './capabilities.ts';
import type { Client } from './client.ts';

/** One filter of a SUBSCRIBE. */
export interface FilterRequest {
  readonly filter: string;
  readonly options: SubscriptionOptions;
}

/** What SUBACK says of a filter, and the subscription whose retained messages are due. */
export interface FilterAnswer {
  readonly reasonCode: number;
  readonly retainedFor: Subscription | null;
}

export interface SubscriberServices {
  readonly authorizer: Authorizer;
  readonly hooks: Hooks;
  readonly router: Router;
  readonly committer: Committer;
  readonly counters: Counters;
  readonly capabilities: Capabilities;
}

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
    }
    return answers;
  }

  /** Reason codes in the order of the filters [MQTT-3.11.3-1]. */
  unsubscribe(client: Client, filters: readonly string[]): number[] {
    return filters.map((text) => {
      const subscription = this.#remove(client, text);
      if (subscription === undefined) return ReasonCode.NoSubscriptionExisted;
      this.#house.router.remove(subscription);
      this.#house.counters.subscriptionsEnded += 1;
      this.#house.hooks.observe('subscription.removed', client.facts.clientId, subscription.text);
      return ReasonCode.Success;
    });
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
    else if (answer === 'deny') subscription.mayReceive = () => false;
    else subscription.mayReceive = this.#topicCheck(principal, subscription.options.qos);
  }

  /** Takes away what the client calls by this name, or what hooks made of it when it subscribed. */
  #remove({ session, facts }: Client, text: string): Subscription | undefined {
    const subscription = session.state.removeSubscription(text);
    if (subscription !== undefined) return subscription;
    return session.state.removeSubscription(this.#house.hooks.subscriptionName(facts, text));
  }

  async #subscribeOne(client: Client, request: FilterRequest): Promise<FilterAnswer | number> {
    const rewritten = this.#house.hooks.subscriptionInbound(client.facts, { filter: request.filter, qos: request.options.qos });
    if (typeof rewritten === 'number') return rewritten;
    const parsed = this.#parse(rewritten);
    if (parsed === null) return ReasonCode.TopicFilterInvalid;
    const refusal = this.#refusal(client, parsed, request.options);
    if (refusal !== 0) return refusal;
    const allowed = await this.#authorize(client, parsed, rewritten.qos);
    if (allowed === 'deny') return ReasonCode.NotAuthorized;
    const qos = Math.min(rewritten.qos, this.#house.capabilities.maximumQoS) as QoS;
    return this.#install(client, parsed, { ...request.options, qos }, allowed);
  }

  /** Null when the filter is not valid, or longer than may be. */
  #parse({ filter, match }: SubscriptionRequest): ParsedFilter | null {
    const { topicLevelsMax, topicBytesMax } = this.#house.capabilities;
    // Of a name only what it matches has levels.
    const named = parseTopicFilter(filter, match === undefined ? topicLevelsMax : Infinity, topicBytesMax);
    if (typeof named === 'string') return null;
    if (match === undefined) return named;
    const matched = parseTopicFilter(match, topicLevelsMax, topicBytesMax);
    if (typeof matched === 'string' || matched.group !== null || named.group !== null) return null;
    return { text: filter, filter: match, group: null };
  }

  #refusal(client: Client, parsed: ParsedFilter, options: SubscriptionOptions): number {
    const { capabilities } = this.#house;
    const { state } = client.session;
    if (parsed.group !== null && !capabilities.sharedSubscriptionAvailable) return ReasonCode.SharedSubscriptionsNotSupported;
    if (!capabilities.wildcardSubscriptionAvailable && wildcard.test(parsed.filter)) return ReasonCode.WildcardSubscriptionsNotSupported;
    if (options.identifier !== 0 && !capabilities.subscriptionIdentifierAvailable) return ReasonCode.SubscriptionIdentifiersNotSupported;
    if (state.subscription(parsed.text) !== undefined) return 0;
    const isUnstorable = client.session.isDurable && this.#house.committer.isFull;
    return isUnstorable || state.subscriptionCount >= capabilities.subscriptionsPerClientMax ? ReasonCode.QuotaExceeded : 0;
  }

  async #authorize(client: Client, parsed: ParsedFilter, qos: QoS): Promise<SubscribeAnswer> {
    const hooked = this.#house.hooks.authorize(client.facts, 'subscribe', parsed.filter);
    if (hooked === 'allow') return 'allow';
    if (hooked !== 'abstain') return 'deny';
    return this.#house.authorizer.authorizeSubscribe(client.principal, authorizedTextOf(parsed), qos);
  }

  #install(client: Client, parsed: ParsedFilter, options: SubscriptionOptions, allowed: SubscribeAnswer): FilterAnswer {
    const { router, hooks } = this.#house;
    const { session } = client;
    // The connection may be gone, and its session with it, while someone was asked.
    if (session.isEnded) return { reasonCode: ReasonCode.UnspecifiedError, retainedFor: null };
    // ORDER: asked last, and nothing is waited for from here on: what was free is taken in the same turn.
    const accepted = hooks.subscriptionAccept(client.facts, { filter: parsed.text, qos: options.qos, match: parsed.filter });
    if (accepted !== 'abstain') return { reasonCode: accepted.deny, retainedFor: null };
    const before = session.state.subscription(parsed.text);
    const subscription = new Subscription(session, parsed, options, before?.number ?? session.state.takeSubscriptionNumber());
    if (allowed === 'filtered') subscription.mayReceive = this.#topicCheck(client.principal, options.qos);
    session.state.putSubscription(subscription);
    if (before === undefined) router.add(subscription);
    else router.replace(before, subscription);
    this.#house.counters.subscriptionsMade += 1;
    hooks.observe('subscription.added', client.facts.clientId, parsed.text, options.qos, options);
    const isDue = parsed.group === null && (options.retainHandling === 0 || (options.retainHandling === 1 && before === undefined));
    return { reasonCode: options.qos, retainedFor: isDue ? subscription : null }; // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
  }

  #topicCheck(principal: Principal, qos: QoS): (topic: string) => boolean {
    return (topic) => this.#house.authorizer.mayReceive(principal, topic, qos);
  }
}

/** What the rules are asked about: never a mere name. `$share/group/` is taken off there. */
function authorizedTextOf({ text, filter, group }: ParsedFilter): string {
  return group === null ? filter : text;
}

/** Who the owner of a stored session was when it was last connected. */
export function principalOf(session: Session): Principal {
  return session.state.principal as Principal;
}
