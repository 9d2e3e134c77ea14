import type { NameHash } from '#base/name-hash.ts';
import { DecisionKind } from './decision.ts';
import type { DecisionEntry } from './decision-ring.ts';
import type { PresentSession, PresentSubscription } from './explain-world.ts';
import { isWhole } from './name-ring.ts';

/** What past decisions name. */
export interface Names {
  hash(name: string): NameHash;
  name(place: number): readonly string[] | null;
}

/** A client's session as it was at some point. */
export interface PastSession {
  readonly isThere: boolean;
  readonly isConnected: boolean;
  readonly subscriptions: readonly PresentSubscription[];
  /** Some subscriptions that it had cannot be named any more. */
  readonly isIncomplete: boolean;
  /** When it, or the one before, had ended; null where that is not known. */
  readonly endedAtMs: number | null;
  /** When the next one was opened after that; null when there was none. */
  readonly openedAtMs: number | null;
  /** Since when the client was away; null where that is not known. */
  readonly offlineSinceMs: number | null;
}

/** A session while it is taken back step by step. */
class Rewind {
  isThere: boolean;
  isConnected: boolean;
  isIncomplete = false;
  openedAtMs: number | null = null;
  readonly subscriptions = new Map<string, PresentSubscription>();
  readonly #texts = new Map<number, string>();
  readonly #names: Names;

  constructor(present: PresentSession | null, names: Names) {
    this.#names = names;
    this.isThere = present !== null;
    this.isConnected = present?.isConnected === true;
    for (const subscription of present?.subscriptions ?? []) this.#restore(subscription);
  }

  undo(change: DecisionEntry): void {
    const { kind, atMs } = change;
    if (kind === DecisionKind.Opened) {
      this.isThere = false;
      this.isConnected = false;
      this.subscriptions.clear();
      this.openedAtMs = atMs;
    } else if (kind === DecisionKind.Resumed) this.isConnected = false;
    else if (kind === DecisionKind.Detached) this.isConnected = true;
    else if (kind === DecisionKind.Closed) {
      this.isThere = true;
      this.isConnected = false;
    } else if (kind === DecisionKind.Subscribed) this.#undoSubscribe(change);
    else if (kind === DecisionKind.Unsubscribed) {
      const subscription = readSubscription(change, this.#names);
      if (subscription === null) this.isIncomplete = true;
      else this.#restore(subscription);
    }
  }

  #restore(subscription: PresentSubscription): void {
    const { high, low } = this.#names.hash(subscription.text);
    this.subscriptions.set(subscription.text, subscription);
    this.#texts.set(high ^ low, subscription.text);
  }

  /** Before it was made it was not there, or had other options. */
  #undoSubscribe({ keyLow, detail }: DecisionEntry): void {
    const text = this.#texts.get(keyLow);
    const subscription = text === undefined ? undefined : this.subscriptions.get(text);
    if (text === undefined || subscription === undefined) return;
    const before = detail >> 8;
    if (before === 0) this.subscriptions.delete(text);
    else this.subscriptions.set(text, { ...subscription, ...optionsOf(before) });
  }
}

/** Undoes, from the present on backwards, what happened to the client behind `order`. */
export function sessionAt(order: number, present: PresentSession | null, changes: readonly DecisionEntry[], names: Names): PastSession {
  const rewind = new Rewind(present, names);
  for (const change of changes.toReversed()) {
    if (change.order <= order) break;
    rewind.undo(change);
  }
  const { isThere, isConnected, subscriptions, isIncomplete, openedAtMs } = rewind;
  const endedAtMs = isThere ? null : lastOf(DecisionKind.Closed, order, changes);
  const offlineSinceMs = isConnected ? null : lastOf(DecisionKind.Detached, order, changes);
  return { isThere, isConnected, subscriptions: [...subscriptions.values()], isIncomplete, endedAtMs, openedAtMs, offlineSinceMs };
}

/** The subscription that the client ended, or null when it cannot be named any more. */
export function readSubscription({ keyLow, detail }: DecisionEntry, names: Names): PresentSubscription | null {
  const [text, filter = text] = names.name(detail) ?? [];
  if (text === undefined || !isWhole(text) || !isWhole(filter)) return null;
  return { text, filter, ...optionsOf(keyLow) };
}

function optionsOf(code: number): { qos: 0 | 1 | 2; noLocal: boolean } {
  return { qos: (code & 3) as 0 | 1 | 2, noLocal: (code & 4) !== 0 };
}

function lastOf(kind: DecisionKind, order: number, changes: readonly DecisionEntry[]): number | null {
  for (const change of changes.toReversed()) if (change.order <= order && change.kind === kind) return change.atMs;
  return null;
}
