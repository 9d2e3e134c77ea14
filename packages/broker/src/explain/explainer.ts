import { dropReasons } from '#base/counters.ts';
import { ABSOLUTE_DELAY, NO_DELAY } from '#message/message.ts';
import { isHistoryTopic } from '#topic/history-filter.ts';
import { matches } from '#topic/topic-filter.ts';
import { DecisionKind, QueueCause, Step } from './decision.ts';
import type { DecisionEntry } from './decision-ring.ts';
import type { Decisions } from './decisions.ts';
import { chooseEvent, eventsBeside, readRecords, type Records, TOGETHER_MS, type TopicEvent } from './event.ts';
import type { ExplainWorld, KnownMessage, PresentDelivery, PresentSession, PresentSubscription } from './explain-world.ts';
import type { Explanation, ExplainQuestion, KnownSubscription, WaitingFor } from './explanation.ts';
import { isWhole, shownName } from './name-ring.ts';
import { nearestFilter } from './nearest-filter.ts';
import { countOf, type Outcome, type Transmission } from './outcome.ts';
import { type PastSession, readSubscription, sessionAt } from './past-session.ts';
import { refuserOf } from './refuser.ts';
import { type Fact, withText } from './sentences.ts';

/** So far from the time that was asked about a message may be. */
const NEAR_MS = 60_000;
/** Of the messages that cannot be told apart by their time, so many are told of. */
const OUTCOMES_MAX = 10;
/** A topic that is rewritten to one that is rewritten ... */
const REWRITES_MAX = 4;

/** What is asked about, in one place. */
interface Case {
  readonly clientId: string;
  readonly topic: string;
  readonly at: number | null;
  readonly records: Records;
  readonly present: PresentSession | null;
}

/** Answers why a client did or did not get a message, from what was decided and from what is now. */
export class Explainer {
  readonly #decisions: Decisions;
  readonly #world: ExplainWorld;

  constructor(decisions: Decisions, world: ExplainWorld) {
    this.#decisions = decisions;
    this.#world = world;
  }

  async explain({ clientId, topic, at }: ExplainQuestion): Promise<Explanation> {
    const atMs = at === undefined ? null : Number(at);
    const facts = await this.#explain(clientId, topic, { at: atMs, rewrites: 0 });
    const findings = facts.map(withText);
    const more = findings.length - 1;
    const summary = findings[0].text + (more > 0 ? ` (${more} more finding${more > 1 ? 's' : ''})` : '');
    return { clientId, topic, at: atMs, findings, summary };
  }

  async #explain(clientId: string, topic: string, { at, rewrites }: { at: number | null; rewrites: number }): Promise<Fact[]> {
    const records = readRecords(this.#decisions.about(clientId, topic));
    const one: Case = { clientId, topic, at, records, present: this.#world.session(clientId) };
    const reachesBackToMs = this.#decisions.reachesBackToMs;
    if (at !== null && at < reachesBackToMs) return this.#notKnown(one, reachesBackToMs);
    const event = chooseEvent(records.events, at, NEAR_MS);
    if (event === null) return this.#nothing(one, reachesBackToMs);
    const facts: Fact[] = [];
    for (const each of [event, ...eventsBeside(event, records.events)]) {
      facts.push(...this.#tell(one, each));
      const to = each.entry?.kind === DecisionKind.Rewritten ? this.#nameOf(each.entry) : null;
      if (to === null || !isWhole(to) || rewrites === REWRITES_MAX) continue;
      facts.push(...(await this.#explain(clientId, to, { at: each.atMs, rewrites: rewrites + 1 })));
    }
    return facts;
  }

  #tell(one: Case, event: TopicEvent): Fact[] {
    const { topic } = one;
    const { entry, atMs } = event;
    if (entry === null || entry.kind === DecisionKind.Published) return this.#outcomes(one, event);
    if (entry.kind === DecisionKind.Refused) {
      const [publisher = '', text = ''] = this.#decisions.name(entry.detail) ?? [];
      return [{ kind: 'publish-refused', topic, atMs, publisher: shownName(publisher), ...refuserOf(entry, shownName(text)) }];
    }
    if (entry.kind === DecisionKind.Rewritten) {
      const to = this.#nameOf(entry);
      return [{ kind: 'rewritten', topic, atMs, to: to === null ? null : shownName(to) }];
    }
    if (entry.kind === DecisionKind.Silenced) return [{ kind: 'silenced', topic, atMs }];
    const delay = entry.detail >>> 0;
    if (delay === NO_DELAY) return [{ kind: 'taken', topic, atMs }];
    return [{ kind: 'delayed', topic, atMs, dueAtMs: delay >= ABSOLUTE_DELAY ? delay * 1000 : atMs + delay * 1000 }];
  }

  #nameOf({ detail }: DecisionEntry): string | null {
    return this.#decisions.name(detail)?.[0] ?? null;
  }

  /** What became of published messages for the client: of the last one, or of those nearest to the time. */
  #outcomes(one: Case, event: TopicEvent): Fact[] {
    const { at } = one;
    const { outcomes } = event;
    if (outcomes.length === 0) return [this.#absence(one, event)];
    const nearest =
      at === null ? outcomes.slice(-1) : outcomes.toSorted((a, b) => Math.abs(a.atMs - at) - Math.abs(b.atMs - at)).slice(0, OUTCOMES_MAX);
    return nearest.toSorted((a, b) => a.order - b.order).map((outcome) => this.#outcome(one, outcome));
  }

  #outcome(one: Case, outcome: Outcome): Fact {
    const { topic, records } = one;
    const { atMs, qos, retain, reason, transmission } = outcome;
    const count = countOf(outcome);
    const queuedAtMs = outcome.waited === null ? null : atMs;
    if (reason === 'offline-qos-0') {
      const { offlineSinceMs } = this.#past(one, outcome.order);
      return { kind: reason, topic, atMs, count, offlineSinceMs };
    }
    if (reason !== null) {
      const common = { topic, atMs: outcome.leftAtMs ?? atMs, count, queuedAtMs };
      if (reason === 'queue-full' || reason === 'expired' || reason === 'too-large' || reason === 'session-ended')
        return { kind: reason, ...common };
      return { kind: 'dropped', reason, ...common };
    }
    if (outcome.how === 'no-local') return { kind: 'no-local', topic, atMs, count };
    const closed = records.changes.find(({ order, kind }) => order > outcome.order && kind === DecisionKind.Closed);
    if (transmission !== null) return sentFact({ topic, outcome, transmission, queuedAtMs, endedAtMs: closed?.atMs ?? null });
    if (outcome.how === 'once' || outcome.leftAtMs !== null) {
      const sentAtMs = outcome.leftAtMs ?? atMs;
      return {
        kind: 'delivered',
        topic,
        atMs: sentAtMs,
        qos,
        packetId: null,
        retain,
        queuedAtMs,
        resentAtMs: null,
        count,
        acknowledgement: null,
      };
    }
    if (closed !== undefined) return { kind: 'session-ended', topic, atMs: closed.atMs, count, queuedAtMs };
    return this.#waits(one, outcome);
  }

  /** It has not left the queue, as far as is known. */
  #waits({ topic, present }: Case, { atMs, qos, waited }: Outcome): Fact {
    if (present === null || present.waiting === 0) return this.#unknown(topic, atMs, null);
    const waitingFor = present.isConnected ? waitingForOf(waited) : 'client';
    return { kind: 'queued', topic, atMs, qos, waitingFor, waiting: present.waiting };
  }

  /** Nothing was decided for the client when these messages were published: why not? */
  #absence(one: Case, { order, atMs, groupDrop }: TopicEvent): Fact {
    const { topic } = one;
    const past = this.#past(one, order);
    const missing = this.#missing(one, past, { order, atMs });
    if (missing !== null) return missing;
    const matching = past.subscriptions.filter(({ filter }) => matches(filter, topic));
    const withheld = this.#withheld(one, matching, { order, atMs });
    if (withheld !== null) return withheld;
    // Who still reads the history gets it from there.
    const late = matching.some(({ text }) => isHistoryTopic(text))
      ? one.records.events.find((event) => event.order > order && event.entry === null)
      : undefined;
    if (late !== undefined) return this.#outcome(one, late.outcomes[0]);
    const shared = matching.find(({ text }) => text.startsWith('$share/'));
    if (shared === undefined) return this.#unknown(topic, atMs, null);
    return { kind: 'other-member', topic, atMs, filter: shared.text, reason: groupDrop === null ? null : dropReasons[groupDrop.small] };
  }

  /** No session, or no subscription that matches; null when both were there. */
  #missing(one: Case, past: PastSession, { order, atMs }: { order: number; atMs: number }): Fact | null {
    const { topic } = one;
    const { isThere, subscriptions, isIncomplete, endedAtMs, openedAtMs } = past;
    if (!isThere) return { kind: 'no-session', topic, atMs, endedAtMs, openedAtMs };
    if (subscriptions.some(({ filter }) => matches(filter, topic))) return null;
    const last = this.#lastSubscription(one, order, atMs);
    if (last !== null) return last;
    if (isIncomplete) return this.#unknown(topic, atMs, null);
    const nearest = nearestFilter(topic, subscriptions);
    return { kind: 'no-subscription', topic, atMs, nearest: nearest === null ? null : knownSubscription(nearest), endedAtMs: null };
  }

  /** What became of the last subscription that would have matched, in the same session: refused, or ended by the client. */
  #lastSubscription({ topic, records }: Case, before: number, atMs: number): Fact | null {
    for (const change of records.changes.toReversed()) {
      if (change.order > before) continue;
      if (change.kind === DecisionKind.Closed || change.kind === DecisionKind.Opened) return null;
      if (change.kind === DecisionKind.SubscriptionRefused) {
        const [filter, text = ''] = this.#decisions.name(change.detail) ?? [];
        if (filter === undefined || !isWhole(filter) || !matches(withoutShare(filter), topic)) continue;
        const reasonCode = change.keyLow;
        return { kind: 'subscription-refused', topic, atMs: change.atMs, filter, reasonCode, ...refuserOf(change, shownName(text)) };
      }
      if (change.kind !== DecisionKind.Unsubscribed) continue;
      const subscription = readSubscription(change, this.#decisions);
      if (subscription === null || !matches(subscription.filter, topic)) continue;
      return { kind: 'no-subscription', topic, atMs, nearest: knownSubscription(subscription), endedAtMs: change.atMs };
    }
    return null;
  }

  /** Whether rules kept the topic from the client: what was found then, or what holds now. */
  #withheld(
    { topic, records, present }: Case,
    matching: readonly PresentSubscription[],
    { order, atMs }: { order: number; atMs: number },
  ): Fact | null {
    const filter = matching[0].text;
    // Found when the receivers of the topic were looked up, which may have been long before.
    const found =
      records.withheld.findLast((entry) => entry.order <= order) ??
      records.withheld.find((entry) => entry.order > order && entry.atMs - atMs <= TOGETHER_MS);
    if (found !== undefined) {
      return { kind: 'topic-withheld', topic, atMs, filter, ...refuserOf(found, shownName(this.#nameOf(found) ?? '')) };
    }
    for (const subscription of matching) {
      const cause = present?.withheld(subscription, topic) ?? null;
      if (cause === null) continue;
      const entry = { small: cause.by, number: cause.rule === null ? 0 : cause.rule + 1 };
      return { kind: 'topic-withheld', topic, atMs, filter: subscription.text, ...refuserOf(entry, cause.text) };
    }
    return null;
  }

  /** No message is known near the time; perhaps it would not have come either. */
  async #nothing(one: Case, reachesBackToMs: number): Promise<Fact[]> {
    const { topic, at, records, present } = one;
    if (at === null) {
      const newest = await this.#world.newest(topic);
      if (newest !== null || unfinishedOf(one).length > 0) return this.#notKnown(one, reachesBackToMs, newest);
    }
    const atMs = at ?? reachesBackToMs;
    const facts: Fact[] = [{ kind: 'not-published', topic, atMs, sinceMs: at === null ? reachesBackToMs : atMs - NEAR_MS }];
    const askedMs = at ?? this.#world.nowMs();
    const order = at === null ? Infinity : (records.changes.findLast((change) => change.atMs <= at)?.order ?? -1);
    const missing = this.#missing(one, sessionAt(order, present, records.changes, this.#decisions), { order, atMs: askedMs });
    return missing === null ? facts : [...facts, missing];
  }

  /** It is about something before the record begins: what is there now, and what the history has. */
  async #notKnown(one: Case, reachesBackToMs: number, newest: KnownMessage | null = null): Promise<Fact[]> {
    const { topic, at } = one;
    const unfinished = unfinishedOf(one).map((delivery) => presentFact(topic, delivery));
    let message = newest;
    if (at !== null) {
      const near = await this.#world.messages(topic, at - NEAR_MS, at + NEAR_MS);
      message = near.toSorted((a, b) => Math.abs(a.receivedAtMs - at) - Math.abs(b.receivedAtMs - at))[0] ?? null;
    }
    const atMs = message?.receivedAtMs ?? at ?? reachesBackToMs;
    return [...unfinished, this.#unknown(topic, atMs, message)];
  }

  #unknown(topic: string, atMs: number, message: KnownMessage | null): Fact {
    const { reachesBackToMs } = this.#decisions;
    return { kind: 'not-known', topic, atMs, reachesBackToMs, publisher: message?.publisher ?? null, offset: message?.offset ?? null };
  }

  #past({ present, records }: Case, order: number): PastSession {
    return sessionAt(order, present, records.changes, this.#decisions);
  }
}

interface SentCase {
  readonly topic: string;
  readonly outcome: Outcome;
  readonly transmission: Transmission;
  readonly queuedAtMs: number | null;
  /** When the session ended after that, or null. */
  readonly endedAtMs: number | null;
}

function sentFact({ topic, outcome, transmission, queuedAtMs, endedAtMs }: SentCase): Fact {
  const { packetId, atMs, resentAtMs, step, steppedAtMs } = transmission;
  const { qos, retain } = outcome;
  const sent = { topic, atMs, qos, packetId, retain, queuedAtMs, resentAtMs };
  if (step === Step.Sent) return { kind: 'unacknowledged', ...sent, acknowledgement: null, sessionEndedAtMs: endedAtMs };
  if (step === Step.Received) {
    return { kind: 'unacknowledged', ...sent, acknowledgement: { packet: 'PUBREC', atMs: steppedAtMs }, sessionEndedAtMs: endedAtMs };
  }
  const packet = step === Step.Acknowledged ? 'PUBACK' : step === Step.Completed ? 'PUBCOMP' : 'refused';
  return { kind: 'delivered', ...sent, count: 1, acknowledgement: { packet, atMs: steppedAtMs } };
}

/** Of a delivery that is not finished now, and of whose sending nothing is known. */
function presentFact(topic: string, { packetId, qos, retain, isReceived, receivedAtMs }: PresentDelivery): Fact {
  return {
    kind: 'unacknowledged',
    topic,
    atMs: receivedAtMs,
    qos,
    packetId,
    retain,
    queuedAtMs: null,
    resentAtMs: null,
    acknowledgement: isReceived ? { packet: 'PUBREC', atMs: receivedAtMs } : null,
    sessionEndedAtMs: null,
  };
}

function unfinishedOf({ topic, at, present }: Case): readonly PresentDelivery[] {
  const own = (present?.unfinished ?? []).filter((delivery) => delivery.topic === topic);
  return at === null ? own.slice(-1) : own.filter(({ receivedAtMs }) => Math.abs(receivedAtMs - at) <= NEAR_MS).slice(0, OUTCOMES_MAX);
}

function waitingForOf(cause: QueueCause | null): WaitingFor {
  if (cause === QueueCause.NotReading) return 'reading';
  return cause === QueueCause.Window ? 'acknowledgements' : 'others';
}

function knownSubscription({ text, qos, noLocal }: PresentSubscription): KnownSubscription {
  return { filter: text, qos, noLocal };
}

function withoutShare(filter: string): string {
  return filter.startsWith('$share/') ? filter.split('/').slice(2).join('/') : filter;
}
