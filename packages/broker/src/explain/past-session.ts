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

/** Undoes, from the present on backwards, what happened to the client behind `order`. */
export function sessionAt(order: number, present: PresentSession | null, changes: readonly DecisionEntry[], names: Names): PastSession {
  const subscriptions = new Map((present?.subscriptions ?? []).map((each) => [each.text, each]));
  const hashes = new Map<number, string>();
  for (const { text } of subscriptions.values()) hashes.set(keyOf(text, names), text);
  let isThere = present !== null;
  let isConnected = present?.isConnected === true;
  let isIncomplete = false;
  let openedAtMs: number | null = null;
  for (const change of changes.toReversed()) {
    if (change.order <= order) break;
    switch (change.kind) {
      case DecisionKind.Opened:
        isThere = false;
        isConnected = false;
        subscriptions.clear();
        openedAtMs = change.atMs;
        break;
      case DecisionKind.Resumed:
        isConnected = false;
        break;
      case DecisionKind.Detached:
        isConnected = true;
        break;
      case DecisionKind.Closed:
        isThere = true;
        isConnected = false;
        break;
      case DecisionKind.Subscribed:
        unsubscribe(change, subscriptions, hashes.get(change.keyLow));
        break;
      case DecisionKind.Unsubscribed: {
        const subscription = readSubscription(change, names);
        if (subscription === null) isIncomplete = true;
        else {
          subscriptions.set(subscription.text, subscription);
          hashes.set(keyOf(subscription.text, names), subscription.text);
        }
        break;
      }
      default:
    }
  }
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

/** Before it was made it was not there, or had other options. */
function unsubscribe(change: DecisionEntry, subscriptions: Map<string, PresentSubscription>, text: string | undefined): void {
  if (text === undefined) return;
  const before = change.detail >> 8;
  const subscription = subscriptions.get(text);
  if (before === 0) subscriptions.delete(text);
  else if (subscription !== undefined) subscriptions.set(text, { ...subscription, ...optionsOf(before) });
}

function optionsOf(code: number): { qos: 0 | 1 | 2; noLocal: boolean } {
  return { qos: (code & 3) as 0 | 1 | 2, noLocal: (code & 4) !== 0 };
}

function keyOf(text: string, names: Names): number {
  const { high, low } = names.hash(text);
  return high ^ low;
}

function lastOf(kind: DecisionKind, order: number, changes: readonly DecisionEntry[]): number | null {
  for (const change of changes.toReversed()) if (change.order <= order && change.kind === kind) return change.atMs;
  return null;
}
