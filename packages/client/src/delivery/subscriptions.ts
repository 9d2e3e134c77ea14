import type { QoS } from '@wrenmq/codec';
import { Deferred } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { SubscriptionIntent } from '#session/session-contract.ts';
import type { Consumer } from './consumer.ts';
import { HeldFilter } from './held-filter.ts';
import type { Router } from './router.ts';

/** How a consumer wants a filter. */
export interface Wish {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface SubscriptionsHost {
  monotonicMs(): number;
  /** Something waits in `takeIntents`. */
  onIntents(): void;
  unsubscribe(filters: readonly string[], onDone: () => void): void;
}

/** Retained messages that were asked for may come so long after the next consumer has asked for them too. */
const retainedGraceMs = 5_000;

/** Who wants which filter, and what the broker has to know of it. */
export class Subscriptions {
  /** SUBACK and UNSUBACK: those that somebody waits for, and those that have come. */
  unanswered = 0;
  answers = 0;
  readonly #router: Router;
  readonly #host: SubscriptionsHost;
  readonly #held = new Map<string, HeldFilter>();
  #intents: SubscriptionIntent[] = [];

  constructor(router: Router, host: SubscriptionsHost) {
    this.#router = router;
    this.#host = host;
  }

  /** The session that goes on has subscribed to it in an earlier life; an identifier of undefined: no longer. */
  restore(filter: string, subscriptionIdentifier: number | undefined): void {
    if (subscriptionIdentifier === undefined) return this.#release(filter);
    const held = this.#held.get(filter) ?? this.#hold(filter);
    held.intent ??= { subscriptionIdentifier };
  }

  /** Nothing of what was restored holds any more. */
  forgetRestored(): void {
    for (const held of this.#held.values()) if (held.consumers.length === 0) this.#release(held.filter);
  }

  /** What is to be subscribed to, once a turn. */
  takeIntents(): readonly SubscriptionIntent[] {
    const intents = this.#intents;
    if (intents.length > 0) this.#intents = [];
    return intents;
  }

  /** Resolves with what the broker grants; rejects when it refuses, and then the consumer is out. */
  async join(consumer: Consumer, filters: readonly string[], wish: Wish): Promise<QoS> {
    const answers = filters.map((filter) => this.#join(consumer, filter, wish));
    this.#router.claim();
    try {
      return Math.min(...(await Promise.all(answers))) as QoS;
    } catch (error) {
      void this.leave(consumer);
      throw error;
    }
  }

  /** Takes a consumer off all its filters; UNSUBSCRIBE is sent for those that nobody else wants. */
  async leave(consumer: Consumer): Promise<void> {
    const abandoned: string[] = [];
    for (const held of this.#held.values()) {
      if (!held.consumers.includes(consumer)) continue;
      held.leave(consumer);
      if (held.consumers.length > 0) continue;
      this.#release(held.filter);
      abandoned.push(held.filter);
    }
    if (abandoned.length === 0) return;
    const answer = new Deferred<void>();
    this.unanswered += 1;
    this.#host.unsubscribe(abandoned, () => {
      this.#answered();
      answer.resolve();
    });
    await answer.promise;
  }

  /** With the connection end the readings that the broker began with it. */
  endReadings(): void {
    for (const held of this.#held.values()) {
      if (!held.isGranted || !held.filter.startsWith('$history/')) continue;
      for (const consumer of held.consumers.slice()) {
        void this.leave(consumer);
        consumer.end(new MqttError('DISCONNECTED', 'the connection was lost', { retryable: true }));
      }
    }
  }

  /** After a new session the broker sends its retained messages to all again. */
  forgetNewcomers(): void {
    for (const held of this.#held.values()) held.newcomers = [];
  }

  /** Every consumer once. */
  get consumers(): Set<Consumer> {
    return new Set([...this.#held.values()].flatMap((held) => held.consumers));
  }

  #join(consumer: Consumer, filter: string, wish: Wish): Promise<QoS> {
    const held = this.#held.get(filter) ?? this.#hold(filter);
    const isFirst = held.consumers.length === 0;
    const wantsRetained = wish.retainHandling === 0 && !held.isShared;
    const isSame =
      held.qos >= wish.qos && held.noLocal === (wish.noLocal && held.noLocal) && held.retainAsPublished >= wish.retainAsPublished;
    held.consumers.push(consumer);
    if (!isFirst && held.isGranted && isSame && !wantsRetained) return Promise.resolve(held.qos);
    held.qos = isFirst ? wish.qos : (Math.max(held.qos, wish.qos) as QoS);
    held.noLocal = wish.noLocal && (isFirst || held.noLocal);
    held.retainAsPublished = wish.retainAsPublished || (!isFirst && held.retainAsPublished);
    if (!isFirst && wantsRetained) this.#addNewcomer(held, consumer);
    // 1: the others have their retained messages, unless the session is lost.
    return this.#ask(held, consumer, isFirst ? wish.retainHandling : wantsRetained ? 0 : 1);
  }

  #ask(held: HeldFilter, consumer: Consumer, retainHandling: 0 | 1 | 2): Promise<QoS> {
    const { filter, qos, noLocal, retainAsPublished } = held;
    const answer = new Deferred<QoS>();
    this.unanswered += 1;
    let isAnswered = false;
    const isFirstAnswer = (): boolean => {
      if (isAnswered) return false;
      this.#answered();
      return (isAnswered = true);
    };
    const intent: SubscriptionIntent = {
      subscription: { filter, qos, noLocal, retainAsPublished, retainHandling },
      subscriptionIdentifier: held.intent?.subscriptionIdentifier ?? 0,
      onGranted: (granted) => {
        isFirstAnswer();
        held.isGranted = true;
        answer.resolve(granted);
      },
      onRefused: (error) => {
        const isFirst = isFirstAnswer();
        answer.reject(error);
        this.#refuse(held, error, isFirst ? consumer : undefined);
      },
    };
    held.intent = intent;
    this.#intents.push(intent);
    this.#host.onIntents();
    return answer.promise;
  }

  /** The broker holds the filter no longer: everybody is out but the one whose promise tells it. */
  #refuse(held: HeldFilter, error: MqttError, told: Consumer | undefined): void {
    if (this.#held.get(held.filter) !== held) return;
    this.#release(held.filter);
    for (const consumer of held.consumers.splice(0)) {
      if (consumer === told) continue;
      void this.leave(consumer);
      consumer.end(error);
    }
  }

  #answered(): void {
    this.unanswered -= 1;
    this.answers += 1;
  }

  #addNewcomer(held: HeldFilter, consumer: Consumer): void {
    const now = this.#host.monotonicMs();
    if (now - held.newcomersSinceMs > retainedGraceMs) held.newcomers = [];
    held.newcomersSinceMs = now;
    held.newcomers.push(consumer);
  }

  #hold(filter: string): HeldFilter {
    const held = new HeldFilter(filter);
    this.#held.set(filter, held);
    this.#router.add(held);
    return held;
  }

  #release(filter: string): void {
    const held = this.#held.get(filter);
    if (held === undefined) return;
    this.#held.delete(filter);
    this.#router.remove(held);
  }
}
