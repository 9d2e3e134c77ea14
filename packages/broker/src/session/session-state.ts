import type { Batch } from '#store/store.ts';
import type { HistoryPosition } from '#topic/history-position.ts';
import {
  deleteSession,
  deleteSubscription,
  putFacts,
  putIncoming,
  putSubscription,
  putWill,
  type SessionFacts,
  type StoredSubscription,
} from './session-record.ts';
import { Memberships } from './memberships.ts';
import type { Session } from './session.ts';
import { Subscription } from './subscription.ts';
import { Will } from './will.ts';

/** Session Expiry Interval of a session that never ends. */
const EXPIRY_NEVER = 0xffffffff;

/** The filter is stored where the name does not tell it. */
function storedFormOf({ text, filter, group, options, number, catchUp }: Subscription): StoredSubscription {
  const place = catchUp === null ? {} : { catchUp };
  return { text, ...(group === null && filter !== text ? { match: filter } : {}), ...place, ...options, number };
}

/** What every stored session has. */
interface RestoredFacts extends Pick<SessionFacts, 'principal' | 'createdAtMs' | 'expiryInterval' | 'expiresAtMs'> {
  readonly nextSubscription: number;
}

/** Whether the store knows the session: its record is on disk, or in the batch under way. */
const Stored = { No: 0, Saving: 1, Yes: 2 } as const;

/** The part of a session that is small and changes rarely: who owns it, how long it lives, subscriptions, incoming QoS 2, will. */
export class SessionState {
  readonly owner: string;
  /** Who the client is, as the room above knows it: kept for the will and for permissions after a restart. Plain values only. */
  principal: object = {};
  /** Seconds; 0 ends the session with its connection. */
  expiryInterval = 0;
  readonly #session: Session;
  /** Made when it is asked for, null again when a subscription has changed. */
  #memberships: Memberships | null = null;
  #createdAtMs: number;
  #expiresAtMs = 0;
  #willAtMs = 0;
  /** A client with one subscription, as most devices are, has no Map. */
  #subscriptions: Map<string, Subscription> | Subscription | null = null;
  #nextSubscription = 1;
  #incoming: Set<number> | null = null;
  #areFactsDirty = false;
  #isIncomingDirty = false;
  #isWillDirty = false;
  #hasStoredWill = false;
  /** It is over, but its records stay until what it holds for shared groups has gone on. */
  #isLeaving = false;
  /** A will that is being decided on: it stays stored until it is published, with whatever that writes. */
  #undecidedWill: Will | null = null;
  #stored: (typeof Stored)[keyof typeof Stored] = Stored.No;
  #changed: Map<number, Subscription | null> | null = null;
  #saving: Map<number, Subscription | null> | null = null;

  constructor(session: Session, owner: string) {
    this.#session = session;
    this.owner = owner;
    this.#createdAtMs = session.house.clock.turnWallMs();
  }

  /** False while nothing of the session has ever been written. */
  get isStored(): boolean {
    return this.#stored !== Stored.No;
  }

  get createdAtMs(): number {
    return this.#createdAtMs;
  }

  get subscriptionCount(): number {
    if (this.#subscriptions instanceof Subscription) return 1;
    return this.#subscriptions?.size ?? 0;
  }

  subscriptions(): Iterable<Subscription> {
    if (this.#subscriptions instanceof Subscription) return [this.#subscriptions];
    return this.#subscriptions?.values() ?? [];
  }

  subscription(text: string): Subscription | undefined {
    if (this.#subscriptions instanceof Subscription) return this.#subscriptions.text === text ? this.#subscriptions : undefined;
    return this.#subscriptions?.get(text);
  }

  /** The shared groups that it is a member of. */
  get memberships(): Memberships {
    const { events } = this.#session.house;
    this.#memberships ??= new Memberships(this.subscriptions(), (subscription) => events.groupOf(subscription));
    return this.#memberships;
  }

  /** The number that the next new subscription gets. */
  takeSubscriptionNumber(): number {
    return this.#nextSubscription++;
  }

  /** Adds or replaces [MQTT-3.8.4-3]. */
  putSubscription(subscription: Subscription): void {
    this.restoreSubscription(subscription);
    this.#changeSubscription(subscription.number, subscription);
  }

  /** It has read more of the history, or is live: stored with what it was given meanwhile. */
  moveSubscription(subscription: Subscription, catchUp: HistoryPosition | null): void {
    subscription.catchUp = catchUp;
    if (this.subscription(subscription.text) === subscription) this.#changeSubscription(subscription.number, subscription);
  }

  removeSubscription(text: string): Subscription | undefined {
    const subscription = this.subscription(text);
    if (subscription === undefined) return undefined;
    if (this.#subscriptions instanceof Map) this.#subscriptions.delete(text);
    else this.#subscriptions = null;
    this.#memberships = null;
    this.#changeSubscription(subscription.number, null);
    return subscription;
  }

  /** How many incoming QoS 2 exchanges wait for PUBREL. */
  get incomingCount(): number {
    return this.#incoming?.size ?? 0;
  }

  hasIncoming(packetId: number): boolean {
    return this.#incoming?.has(packetId) ?? false;
  }

  /** Remembers that the message was accepted, so that it is not accepted twice [MQTT-4.3.3-10]. */
  addIncoming(packetId: number): void {
    this.#incoming ??= new Set();
    this.#incoming.add(packetId);
    this.#isIncomingDirty = true;
    this.#session.join();
  }

  /** PUBREL, or a refused PUBLISH: the identifier is free again. False when it was not in use. */
  removeIncoming(packetId: number): boolean {
    if (this.#incoming === null || !this.#incoming.delete(packetId)) return false;
    this.#isIncomingDirty = true;
    this.#session.join();
    return true;
  }

  /** A client connects: no deadline runs, and its will replaces any other. */
  connected(expiryInterval: number, will: Will | null, principal: object): void {
    this.expiryInterval = expiryInterval;
    this.principal = principal;
    this.#expiresAtMs = 0;
    this.#willAtMs = 0;
    this.#session.house.deadlines.cancel(this.#session);
    this.#setWill(will);
    this.#touch();
  }

  /** The client said goodbye: the will is deleted [MQTT-3.14.4-3]. */
  discardWill(): void {
    if (this.#session.will !== null) this.#setWill(null);
  }

  /** Changed by DISCONNECT. */
  setExpiryInterval(seconds: number): void {
    this.expiryInterval = seconds;
    this.#touch();
  }

  /** The connection is gone: starts the delays of will and session. */
  disconnected(): void {
    const { will, house } = this.#session;
    const nowMs = house.clock.wallMs();
    const delay = will === null ? 0 : Math.min(will.delay, this.expiryInterval);
    this.#willAtMs = will === null ? 0 : nowMs + delay * 1000;
    this.#expiresAtMs = this.expiryInterval === EXPIRY_NEVER ? 0 : nowMs + this.expiryInterval * 1000;
    this.#touch();
    if (will !== null && delay === 0) this.publishWill();
    if (this.expiryInterval === 0) this.#session.end();
    else this.#schedule();
  }

  onDeadline(): void {
    const nowMs = this.#session.house.clock.wallMs();
    if (this.#willAtMs !== 0 && this.#willAtMs <= nowMs) this.publishWill();
    if (this.#expiresAtMs !== 0 && this.#expiresAtMs <= nowMs) {
      this.#session.house.counters.sessionsExpired += 1;
      this.#session.end();
    } else this.#schedule();
  }

  /** Publishes the will now, once [MQTT-3.1.2-8], and deletes it [MQTT-3.1.2-10]. */
  publishWill(): void {
    const { will, house } = this.#session;
    if (will === null) return;
    const nowMs = house.clock.wallMs();
    this.#setWill(null);
    this.#undecidedWill = will;
    this.#willAtMs = nowMs;
    this.#touch();
    void house.events.onWill(this.#session, will.atMs(nowMs)).then(() => this.#forgetWill(will));
  }

  #forgetWill(will: Will): void {
    if (this.#undecidedWill !== will) return;
    this.#undecidedWill = null;
    this.#willAtMs = 0;
    this.#isWillDirty = true;
    this.#touch();
  }

  /** Takes the stored form back at start; nothing comes of it until `resume`. */
  restore(facts: RestoredFacts): void {
    this.expiryInterval = facts.expiryInterval;
    this.principal = facts.principal;
    this.#createdAtMs = facts.createdAtMs;
    this.#expiresAtMs = facts.expiresAtMs;
    this.#nextSubscription = facts.nextSubscription;
    this.#stored = Stored.Yes;
  }

  /** The rest of it, which few have. */
  restoreExchanges(incoming: readonly number[], will: Will['message'] | null, { willDelay, willAtMs }: SessionFacts): void {
    if (incoming.length > 0) this.#incoming = new Set(incoming);
    this.#willAtMs = willAtMs;
    this.#session.will = will === null ? null : new Will(will, willDelay);
    this.#hasStoredWill = will !== null;
  }

  /** Goes on where the broker ended. A client that was connected then has lost its connection now. */
  resume(wasConnected: boolean): void {
    if (wasConnected) this.disconnected();
    else this.#schedule();
  }

  /** Puts a stored subscription back, without writing it again. */
  restoreSubscription(subscription: Subscription): void {
    const before = this.#subscriptions;
    this.#memberships = null;
    if (before === null || (before instanceof Subscription && before.text === subscription.text)) this.#subscriptions = subscription;
    else if (before instanceof Map) before.set(subscription.text, subscription);
    else this.#subscriptions = new Map([before, subscription].map((each) => [each.text, each]));
  }

  /** The session is over: the will is published if it still waits [MQTT-3.1.3-9], and every record goes, when it `isLeaving` with `forget`. */
  end(isLeaving: boolean): void {
    // ORDER: no subscription of the session itself may get the will any more.
    this.#session.house.events.onEnded(this.#session);
    if (this.#session.will !== null && !this.#session.isConnected) this.publishWill();
    this.#isLeaving = isLeaving;
    if (isLeaving) this.#touch();
    else this.forget();
  }

  /** Deletes every record. */
  forget(): void {
    this.#isLeaving = false;
    for (const subscription of this.subscriptions()) this.#changeSubscription(subscription.number, null);
    this.#touch();
  }

  persist(batch: Batch): void {
    const { number, isEnded } = this.#session;
    const will = this.#session.will ?? this.#undecidedWill;
    this.#saving = this.#changed;
    this.#changed = null;
    // A session that the store has never known needs no deletion.
    if (isEnded && !this.isStored) this.#saving = null;
    for (const [subscriptionNumber, subscription] of this.#saving ?? []) {
      if (subscription === null) deleteSubscription(batch, number, subscriptionNumber);
      else putSubscription(batch, number, storedFormOf(subscription));
    }
    if (isEnded) {
      if (this.#areFactsDirty && this.isStored) {
        if (this.#isLeaving) putFacts(batch, number, this.#facts());
        else deleteSession(batch, number);
      }
    } else {
      if (this.#isIncomingDirty && this.#incoming !== null) putIncoming(batch, number, this.#incoming);
      if (this.#isWillDirty) putWill(batch, number, will);
      if (this.#areFactsDirty) putFacts(batch, number, this.#facts());
      if (this.#stored === Stored.No) this.#stored = Stored.Saving;
    }
    this.#hasStoredWill = will !== null;
    this.#areFactsDirty = this.#isIncomingDirty = this.#isWillDirty = false;
  }

  settled(hasFailed: boolean): void {
    const saving = this.#saving;
    this.#saving = null;
    if (this.#stored === Stored.Saving) this.#stored = hasFailed ? Stored.No : Stored.Yes;
    if (!hasFailed) return;
    this.#changed = new Map([...(saving ?? []), ...(this.#changed ?? [])]);
    this.#isIncomingDirty = this.#incoming !== null;
    this.#isWillDirty = true;
    this.#touch();
  }

  #facts(): SessionFacts {
    const { clientId, isConnected, isEnded } = this.#session;
    const will = this.#session.will ?? this.#undecidedWill;
    return {
      clientId,
      owner: this.owner,
      principal: this.principal,
      createdAtMs: this.#createdAtMs,
      expiryInterval: this.expiryInterval,
      expiresAtMs: this.#expiresAtMs,
      isConnected,
      isEnded,
      willDelay: will?.delay ?? 0,
      willAtMs: this.#willAtMs,
    };
  }

  #schedule(): void {
    const willAtMs = this.#session.will === null ? 0 : this.#willAtMs;
    const next = Math.min(willAtMs || Infinity, this.#expiresAtMs || Infinity);
    if (next !== Infinity) this.#session.house.deadlines.schedule(this.#session, next);
  }

  #setWill(will: Will | null): void {
    this.#undecidedWill = null;
    if (will === null && this.#session.will === null && !this.#hasStoredWill) return;
    this.#session.will = will;
    this.#isWillDirty = true;
    this.#session.join();
  }

  #changeSubscription(number: number, subscription: Subscription | null): void {
    if (!this.#session.isDurable) return;
    this.#changed ??= new Map();
    this.#changed.set(number, subscription);
    this.#session.join();
  }

  #touch(): void {
    this.#areFactsDirty = true;
    this.#session.join();
  }
}
