import { DecisionKind } from './decision.ts';
import type { DecisionEntry } from './decision-ring.ts';
import { type Outcome, OutcomeReader } from './outcome.ts';

/** What has one entry together happened within a second; a timer ends it, which may be late. */
export const TOGETHER_MS = 2000;

/**
 * Something that happened to messages of the topic: published (with what became of them for the client), refused, rewritten, taken.
 * Outcomes alone, such as of retained messages, have no entry.
 */
export interface TopicEvent {
  readonly order: number;
  readonly atMs: number;
  /** When the last of them was, at the latest: what happens again within a second has no entry of its own. */
  readonly untilMs: number;
  readonly entry: DecisionEntry | null;
  readonly outcomes: Outcome[];
  /** Of the last shared subscription that had nobody for it; else null. */
  groupDrop: DecisionEntry | null;
}

/** What is known of a client and a topic. */
export interface Records {
  /** In order. */
  readonly events: readonly TopicEvent[];
  /** What happened to the client, in order. */
  readonly changes: readonly DecisionEntry[];
  /** Each time that the topic was found to be withheld from the client, in order. */
  readonly withheld: readonly DecisionEntry[];
}

/** Sorts the entries about a client and a topic. */
export function readRecords(entries: readonly DecisionEntry[]): Records {
  const reader = new OutcomeReader();
  const changes: DecisionEntry[] = [];
  const withheld: DecisionEntry[] = [];
  const events: TopicEvent[] = [];
  let published: TopicEvent | null = null;
  for (const entry of entries) {
    if (entry.kind === DecisionKind.GroupDropped) {
      if (published !== null) published.groupDrop = entry;
    } else if (entry.kind < DecisionKind.SentOnce) {
      const event = eventOf(entry);
      events.push(event);
      if (entry.kind === DecisionKind.Published) published = event;
    } else if (entry.kind === DecisionKind.Withheld) withheld.push(entry);
    else if (entry.kind >= DecisionKind.Opened) changes.push(entry);
    else reader.add(entry);
  }
  assign(reader.outcomes, events, changes);
  return { events: events.toSorted((a, b) => a.order - b.order), changes, withheld };
}

/** The event that the question is about: the last one, or the one nearest to a time, at most so far from it; null when there is none. */
export function chooseEvent(events: readonly TopicEvent[], at: number | null, withinMs: number): TopicEvent | null {
  if (at === null) return events.at(-1) ?? null;
  let nearest: TopicEvent | null = null;
  let least = withinMs;
  for (const event of events) {
    const distance = at < event.atMs ? event.atMs - at : Math.max(at - event.untilMs, 0);
    if (distance > least) continue;
    nearest = event;
    least = distance;
  }
  return nearest;
}

/** Events of other kinds that cannot be told apart from this one by their time: something else may have become of the message. */
export function eventsBeside(event: TopicEvent, events: readonly TopicEvent[]): readonly TopicEvent[] {
  const kinds = new Set([kindOf(event)]);
  const beside: TopicEvent[] = [];
  for (const other of events.toReversed()) {
    if (kinds.has(kindOf(other)) || Math.abs(other.atMs - event.atMs) > TOGETHER_MS) continue;
    kinds.add(kindOf(other));
    beside.push(other);
  }
  return beside;
}

function kindOf({ entry }: TopicEvent): number {
  return entry === null ? DecisionKind.Published : entry.kind;
}

function eventOf(entry: DecisionEntry): TopicEvent {
  const { order, atMs } = entry;
  return { order, atMs, untilMs: atMs + TOGETHER_MS, entry, outcomes: [], groupDrop: null };
}

/** Gives every outcome to the publishing before it, or makes it an event of its own. */
function assign(outcomes: readonly Outcome[], events: TopicEvent[], changes: readonly DecisionEntry[]): void {
  const published = events.filter(({ entry }) => entry?.kind === DecisionKind.Published);
  const subscribed = changes.filter(({ kind }) => kind === DecisionKind.Subscribed).map(({ order }) => order);
  let next = 0;
  let change = 0;
  for (const outcome of outcomes.toSorted((a, b) => a.order - b.order)) {
    while (next < published.length && published[next].order < outcome.order) next += 1;
    while (change < subscribed.length && subscribed[change] < outcome.order) change += 1;
    const before = next === 0 ? null : published[next - 1];
    // What is retained comes to who has just subscribed, whenever it was published.
    const isRetained = outcome.retain && change > 0 && (before === null || subscribed[change - 1] > before.order);
    if (before !== null && !isRetained && outcome.atMs - before.atMs <= TOGETHER_MS) before.outcomes.push(outcome);
    else {
      const { order, atMs } = outcome;
      events.push({ order, atMs, untilMs: atMs, entry: null, outcomes: [outcome], groupDrop: null });
    }
  }
}
