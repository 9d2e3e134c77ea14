import { type DropReason, dropReasons } from '#base/counters.ts';
import { DecisionKind, QueueCause, Step } from './decision.ts';
import type { DecisionEntry } from './decision-ring.ts';

/** A PUBLISH at QoS 1 or 2 that went out, and what came back. */
export interface Transmission {
  readonly packetId: number;
  readonly atMs: number;
  resentAtMs: number | null;
  step: Step;
  steppedAtMs: number;
}

/** What became of one message (of several alike, when they are counted) for one client. */
export interface Outcome {
  /** Its place among all decisions. */
  readonly order: number;
  readonly atMs: number;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly how: 'once' | 'sent' | 'queued' | 'dropped' | 'no-local';
  readonly entry: DecisionEntry;
  /** Why it had to wait; null when it had not. */
  readonly waited: QueueCause | null;
  /** When it left the queue. */
  leftAtMs: number | null;
  transmission: Transmission | null;
  reason: DropReason | null;
}

const howOf: Partial<Record<DecisionKind, Outcome['how']>> = {
  [DecisionKind.SentOnce]: 'once',
  [DecisionKind.Sent]: 'sent',
  [DecisionKind.Queued]: 'queued',
  [DecisionKind.Unqueued]: 'queued',
  [DecisionKind.Dropped]: 'dropped',
  [DecisionKind.NoLocal]: 'no-local',
};

/** Puts together what belongs together: waiting, sending and acknowledging of the same delivery. */
export class OutcomeReader {
  readonly outcomes: Outcome[] = [];
  /** By ticket. */
  readonly #waiting = new Map<number, Outcome>();
  /** Has left the queue, and its PUBLISH follows; by packet identifier. */
  readonly #expected = new Map<number, Outcome>();
  /** Not finished; by packet identifier. */
  readonly #open = new Map<number, Transmission>();

  /** Entries of one client and topic, the oldest first. */
  add(entry: DecisionEntry): void {
    if (entry.kind === DecisionKind.Dropped) this.#drop(entry);
    else if (entry.kind === DecisionKind.Queued) this.#waiting.set(entry.detail, this.#begin(entry));
    else if (entry.kind === DecisionKind.Unqueued) this.#leave(entry);
    else if (entry.kind === DecisionKind.Sent) this.#send(entry);
    else if (entry.kind === DecisionKind.Stepped) this.#step(entry);
    else this.#begin(entry);
  }

  #begin(entry: DecisionEntry): Outcome {
    const { order, atMs, retain, kind, small } = entry;
    const waited = kind === DecisionKind.Queued ? (small as QueueCause) : kind === DecisionKind.Unqueued ? QueueCause.Others : null;
    const how = howOf[kind]!;
    const qos = entry.qos as 0 | 1 | 2;
    const outcome: Outcome = { order, atMs, qos, retain, how, entry, waited, leftAtMs: null, transmission: null, reason: null };
    this.outcomes.push(outcome);
    return outcome;
  }

  #drop(entry: DecisionEntry): void {
    const expected = entry.number === 0 ? undefined : this.#expected.get(entry.number);
    if (expected !== undefined) this.#expected.delete(entry.number);
    (expected ?? this.#begin(entry)).reason = dropReasons[entry.small];
  }

  #leave(entry: DecisionEntry): void {
    // That it was queued may not be known any more.
    const outcome = this.#waiting.get(entry.detail) ?? this.#begin(entry);
    this.#waiting.delete(entry.detail);
    outcome.leftAtMs = entry.atMs;
    if (entry.small > 0) outcome.reason = dropReasons[entry.small - 1];
    else if (entry.number > 0) this.#expected.set(entry.number, outcome);
  }

  #send(entry: DecisionEntry): void {
    const { number: packetId, atMs, step } = entry;
    const before = entry.isDuplicate ? this.#open.get(packetId) : undefined;
    if (before !== undefined) {
      before.resentAtMs = atMs;
      if (step !== Step.Sent) this.#answer(before, step as Step, atMs + (entry.detail >>> 0));
      return;
    }
    const outcome = this.#expected.get(packetId) ?? this.#begin(entry);
    this.#expected.delete(packetId);
    const transmission: Transmission = { packetId, atMs, resentAtMs: null, step: Step.Sent, steppedAtMs: atMs };
    outcome.transmission = transmission;
    this.#open.set(packetId, transmission);
    if (step !== Step.Sent) this.#answer(transmission, step as Step, atMs + (entry.detail >>> 0));
  }

  #step({ number, step, atMs }: DecisionEntry): void {
    const transmission = this.#open.get(number);
    if (transmission !== undefined) this.#answer(transmission, step as Step, atMs);
  }

  #answer(transmission: Transmission, step: Step, atMs: number): void {
    transmission.step = step;
    transmission.steppedAtMs = atMs;
    if (step !== Step.Received) this.#open.delete(transmission.packetId);
  }
}

/** How many messages an outcome stands for. */
export function countOf({ how, entry }: Outcome): number {
  return how === 'once' || how === 'no-local' || entry.kind === DecisionKind.Dropped ? Math.max(entry.detail >>> 0, 1) : 1;
}
