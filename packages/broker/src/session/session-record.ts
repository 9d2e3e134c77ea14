import type { Batch, Store, StoredRecord } from '#store/store.ts';
import { decodeMessage, encodeMessage } from '#message/stored-message.ts';
import type { HistoryPosition } from '#topic/history-position.ts';
import { decodeSubscription, encodeFacts, encodeSubscription, FactsDecoder, type PrincipalForm } from './session-encoding.ts';
import type { SubscriptionOptions } from './subscription.ts';
import type { Will } from './will.ts';

/*
 * A session's records in the table `session`, keys u32 session number, u8 part:
 *   0 facts   1 incoming QoS 2 packet identifiers (u16 each)   2 + u32 number: a subscription   3 will message
 */
const nothing: readonly never[] = Object.freeze([]);
const Part = { Facts: 0, Incoming: 1, Subscription: 2, Will: 3 } as const;

/** What a session's own record says. */
export interface SessionFacts {
  readonly clientId: string;
  /** Who may take the session over. */
  readonly owner: string;
  readonly principal: object;
  readonly createdAtMs: number;
  /** Session Expiry Interval in seconds, 0xFFFFFFFF for never. */
  readonly expiryInterval: number;
  /** Wall clock at which the session ends, 0 while a client is connected or when it never ends. */
  readonly expiresAtMs: number;
  /** True while a client is connected; still true after a crash. */
  readonly isConnected: boolean;
  /** The session is over, and what it held for shared groups is still being read in order to go on. */
  readonly isEnded: boolean;
  /** Will Delay Interval in seconds. */
  readonly willDelay: number;
  /** Wall clock at which the will is published, 0 when no delay is running. */
  readonly willAtMs: number;
}

export interface StoredSubscription extends SubscriptionOptions {
  readonly text: string;
  /** What topics are matched with, where `text` is only a name. */
  readonly match?: string;
  /** Where it stands in the history, while it is not live. */
  readonly catchUp?: HistoryPosition;
  readonly number: number;
}

/** A session as it is read back at start. */
export interface StoredSession {
  readonly number: number;
  facts: SessionFacts | null;
  /** Of the principal in the facts; null when that stands for itself. */
  principalForm: PrincipalForm | null;
  incoming: readonly number[];
  readonly subscriptions: StoredSubscription[];
  will: Will['message'] | null;
}

/**
 * A record of these facts never grows: on a full disk only what does not grow can be written, and the client of a stored
 * session must be let in there, to make room by taking what waits for it.
 */
export function putFacts(batch: Batch, session: number, facts: SessionFacts): void {
  batch.put('session', partKey(session, Part.Facts), encodeFacts(facts));
}

export function putIncoming(batch: Batch, session: number, packetIds: ReadonlySet<number>): void {
  if (packetIds.size === 0) {
    batch.delete('session', partKey(session, Part.Incoming));
    return;
  }
  const value = Buffer.allocUnsafe(2 * packetIds.size);
  let at = 0;
  for (const packetId of packetIds) at = value.writeUInt16BE(packetId, at);
  batch.put('session', partKey(session, Part.Incoming), value);
}

export function putWill(batch: Batch, session: number, will: Will | null): void {
  const key = partKey(session, Part.Will);
  if (will === null) batch.delete('session', key);
  else batch.put('session', key, encodeMessage(will.message));
}

export function putSubscription(batch: Batch, session: number, subscription: StoredSubscription): void {
  const { number, ...rest } = subscription;
  // A place in the history is there for a while only.
  const value = rest.catchUp === undefined ? encodeSubscription(subscription) : Buffer.from(JSON.stringify(rest));
  batch.put('session', subscriptionKey(session, number), value);
}

export function deleteSubscription(batch: Batch, session: number, number: number): void {
  batch.delete('session', subscriptionKey(session, number));
}

export function deleteSession(batch: Batch, session: number): void {
  for (const part of [Part.Facts, Part.Incoming, Part.Will]) batch.delete('session', partKey(session, part));
}

/**
 * Reads the table session by session, in the order of their numbers, some at a time. What a caller does not keep of a page is
 * garbage at once: a hundred thousand sessions cost no more memory on the way in than those of a page.
 */
export async function* readSessions(store: Store): AsyncGenerator<readonly StoredSession[]> {
  let last = null as StoredSession | null;
  const decoder = new FactsDecoder();
  for await (const page of store.scan('session', { readsAhead: true })) {
    const complete: StoredSession[] = [];
    for (const record of page) {
      const number = record.key.readUInt32BE(0);
      if (last?.number !== number) {
        if (last !== null) complete.push(last);
        last = { number, facts: null, principalForm: null, incoming: nothing, subscriptions: [], will: null };
      }
      collectRecord(last, record, decoder);
    }
    yield complete;
  }
  if (last !== null) yield [last];
}

function collectRecord(session: StoredSession, { key, value }: StoredRecord, decoder: FactsDecoder): void {
  switch (key[4]) {
    case Part.Facts:
      session.facts = decoder.decode(value);
      session.principalForm = decoder.form;
      break;
    case Part.Incoming:
      session.incoming = Array.from({ length: value.length / 2 }, (_, i) => value.readUInt16BE(2 * i));
      break;
    case Part.Subscription:
      session.subscriptions.push(decodeSubscription(value, key.readUInt32BE(5)));
      break;
    default:
      session.will = decodeMessage(Buffer.from(value));
  }
}

function partKey(session: number, part: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key.writeUInt32BE(session, 0);
  key[4] = part;
  return key;
}

function subscriptionKey(session: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key.writeUInt32BE(session, 0);
  key[4] = Part.Subscription;
  key.writeUInt32BE(number, 5);
  return key;
}
