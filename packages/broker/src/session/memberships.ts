import type { Redelivery } from '#message/delivery.ts';
import type { Subscription } from './subscription.ts';

/**
 * The shared groups that a session is a member of, by the numbers of its subscriptions, and back: a stored delivery names its
 * group by such a number. Holds as long as the session's subscriptions do not change.
 */
export class Memberships {
  readonly #numbers = new Map<Redelivery, number>();
  readonly #groups = new Map<number, Redelivery>();

  constructor(subscriptions: Iterable<Subscription>, groupOf: (subscription: Subscription) => Redelivery | null) {
    for (const subscription of subscriptions) {
      const group = groupOf(subscription);
      if (group === null) continue;
      this.#numbers.set(group, subscription.number);
      this.#groups.set(subscription.number, group);
    }
  }

  /** 0 when the session is no member. */
  numberOf(group: Redelivery): number {
    return this.#numbers.get(group) ?? 0;
  }

  groupOf(number: number): Redelivery | null {
    return this.#groups.get(number) ?? null;
  }
}
