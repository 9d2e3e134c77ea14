import type { PrincipalForm } from './session-encoding.ts';
import type { SessionFacts, StoredSession } from './session-record.ts';
import { SessionState } from './session-state.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/**
 * What the state of a stored session is made of when somebody asks for it: most are read back at start long before their clients are.
 * It sleeps while nothing but time passes, so it has no will and no exchange under way, and `atMs` of the session says when it
 * expires. PERF: npm run bench -- --scenario durable-sessions
 */
export class SleepingState {
  readonly #owner: string;
  readonly #principal: PrincipalForm;
  readonly #createdAtMs: number;
  readonly #expiryInterval: number;
  readonly #nextSubscription: number;
  /** Nearly always one. */
  #subscriptions: Subscription | Subscription[] | null = null;

  constructor({ owner, createdAtMs, expiryInterval }: SessionFacts, principal: PrincipalForm, nextSubscription: number) {
    this.#owner = owner;
    this.#principal = principal;
    this.#createdAtMs = createdAtMs;
    this.#expiryInterval = expiryInterval;
    this.#nextSubscription = nextSubscription;
  }

  subscriptions(): readonly Subscription[] {
    if (this.#subscriptions === null) return [];
    return Array.isArray(this.#subscriptions) ? this.#subscriptions : [this.#subscriptions];
  }

  restoreSubscription(subscription: Subscription): void {
    const before = this.#subscriptions;
    if (before === null) this.#subscriptions = subscription;
    else if (Array.isArray(before)) before.push(subscription);
    else this.#subscriptions = [before, subscription];
  }

  /** The queue has joined the batch; of the state nothing has changed. */
  persist(): void {}

  settled(): void {}

  /** The broker is back, and with it the time in which it expires. */
  resume(_wasConnected: boolean, session: Session): void {
    if (session.atMs !== 0) session.house.deadlines.schedule(session, session.atMs);
  }

  wake(session: Session): SessionState {
    const state = new SessionState(session, this.#owner);
    state.restore({
      principal: this.#principal.of(session.clientId, this.#owner),
      createdAtMs: this.#createdAtMs,
      expiryInterval: this.#expiryInterval,
      expiresAtMs: session.atMs,
      nextSubscription: this.#nextSubscription,
    });
    for (const subscription of this.subscriptions()) state.restoreSubscription(subscription);
    return state;
  }
}

/** The state as it was stored, but for the subscriptions. */
export function restoredState(session: Session, stored: StoredSession): SessionState | SleepingState {
  const { principalForm, will, incoming } = stored;
  const facts = stored.facts!;
  const nextSubscription = nextSubscriptionOf(stored);
  const isIdle = !facts.isConnected && !facts.isEnded && facts.willAtMs === 0 && will === null && incoming.length === 0;
  if (isIdle && principalForm !== null) {
    session.atMs = facts.expiresAtMs;
    return new SleepingState(facts, principalForm, nextSubscription);
  }
  const state = new SessionState(session, facts.owner);
  state.restore({ ...facts, nextSubscription });
  // Of a session that is over, the will has been decided on.
  state.restoreExchanges(incoming, facts.isEnded ? null : will, facts);
  return state;
}

/** The number that follows those of all stored subscriptions. */
function nextSubscriptionOf({ subscriptions }: StoredSession): number {
  let next = 1;
  for (const { number } of subscriptions) next = Math.max(next, number + 1);
  return next;
}
