// HOT
import type { MessageHistory } from '#history/message-history.ts';
import type { Subscription } from '#session/subscription.ts';
import { SubscriptionTrie } from '#topic/subscription-trie.ts';
import { Route } from './route.ts';
import { Share, type ShareServices } from './share.ts';

/** So many topics keep their resolved receivers; when there are more, all are looked up afresh. */
const ROUTES_MAX = 16_384;
/** So much memory they may take, by the estimates below: topics can be long, and wanted by many. */
const ROUTES_BYTES_MAX = 64 * 1024 * 1024;
const ROUTE_BYTES = 400;
const TARGET_BYTES = 100;

/** Which subscriptions there are, and who gets what. */
export class Router {
  readonly #house: ShareServices;
  readonly #history: MessageHistory | null;
  readonly #trie = new SubscriptionTrie<Subscription | Share>();
  readonly #shares = new Map<string, Share>();
  #routes = new Map<string, Route>();
  #routesBytes = 0;

  /** Number of subscriptions, each member of a shared one counted. */
  subscriptions = 0;
  /** How many of these are members of shared ones. */
  sharedSubscriptions = 0;

  /** `history`: null where none is kept. */
  constructor(house: ShareServices, history: MessageHistory | null = null) {
    this.#house = house;
    this.#history = history;
    // A route knows who observes its topic.
    house.hooks.onChanged(() => this.invalidate());
  }

  /** Number of different filters. */
  get filters(): number {
    return this.#trie.filters;
  }

  /** The route of a valid topic name, as it is now; `isCurrent` tells later whether it still is. */
  route(topic: string): Route {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const matched: (Subscription | Share)[] = [];
    this.#trie.match(topic, matched);
    const route = new Route(topic, matched, this.#house.hooks, this.#history);
    const bytes = ROUTE_BYTES + topic.length + route.targets.length * TARGET_BYTES;
    if (this.#routes.size >= ROUTES_MAX || this.#routesBytes + bytes > ROUTES_BYTES_MAX) this.invalidate();
    this.#routes.set(topic, route);
    this.#routesBytes += bytes;
    return route;
  }

  add(subscription: Subscription): void {
    this.subscriptions += 1;
    this.invalidate();
    if (subscription.group === null) this.#trie.add(subscription.filter, subscription);
    else this.#join(subscription, subscription.group);
  }

  remove(subscription: Subscription): void {
    this.subscriptions -= 1;
    this.invalidate();
    if (subscription.group === null) this.#trie.remove(subscription.filter, subscription);
    else this.#leave(subscription);
  }

  /** The client has subscribed once more; what waits for a shared group waits on. */
  replace(before: Subscription, after: Subscription): void {
    const share = this.shareOf(before);
    if (share === null) {
      this.remove(before);
      this.add(after);
      return;
    }
    this.invalidate();
    share.replace(before, after);
  }

  /** At start, when all sessions are back. */
  resume(): void {
    for (const share of this.#shares.values()) share.resume();
  }

  /** Every shared subscription that has a member. */
  get shares(): Iterable<Share> {
    return this.#shares.values();
  }

  /** The settings of shared subscriptions have changed. */
  reconfigure(): void {
    for (const share of this.#shares.values()) share.reconfigure();
  }

  /** The shared subscription that this one is a member of, or null. */
  shareOf(subscription: Subscription): Share | null {
    return this.#shares.get(subscription.text) ?? null;
  }

  /** Drops all resolved routes: a subscription or a permission has changed. */
  invalidate(): void {
    if (this.#routes.size === 0) return;
    for (const route of this.#routes.values()) route.invalidate();
    this.#routes = new Map();
    this.#routesBytes = 0;
  }

  #join(subscription: Subscription, name: string): void {
    this.sharedSubscriptions += 1;
    let share = this.#shares.get(subscription.text);
    if (share === undefined) {
      share = new Share(name, subscription.filter, this.#house);
      this.#shares.set(subscription.text, share);
      this.#trie.add(subscription.filter, share);
    }
    share.join(subscription);
  }

  #leave(subscription: Subscription): void {
    const share = this.#shares.get(subscription.text);
    if (share === undefined) return;
    this.sharedSubscriptions -= 1;
    share.leave(subscription);
    if (!share.group.isEmpty) return;
    this.#shares.delete(subscription.text);
    this.#trie.remove(subscription.filter, share);
  }
}
