import { parseTopicFilter } from '#topic/topic-filter.ts';
import { queueKey } from './durable-queue.ts';
import type { SessionHouse } from './house.ts';
import { decodeChunk } from './queue-chunk.ts';
import { readSessions, type SessionFacts, type StoredSession } from './session-record.ts';
import { Session } from './session.ts';
import type { Sink } from './sink.ts';
import { Subscription, type SubscriptionOptions } from './subscription.ts';
import type { Will } from './will.ts';
import { Batch } from '#store/store.ts';

/** Reason code of MQTT 5 for the connection that another one replaces [MQTT-3.1.4-3]. */
const SESSION_TAKEN_OVER = 0x8e;
/** Stored filters were valid when they were accepted, whatever the limits say today. */
const LEVELS_MAX = 65_535;
/** So many deletions of leftovers go into one batch at start. */
const LEFTOVERS_PER_BATCH = 10_000;

/** What a client asks for when it connects. */
export interface OpenRequest {
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds, already capped. */
  readonly expiryInterval: number;
  readonly owner: string;
  readonly principal: object;
  readonly will: Will | null;
  readonly sink: Sink;
}

export interface OpenedSession {
  readonly session: Session;
  /** Session Present of CONNACK [MQTT-3.2.2-2]. */
  readonly isPresent: boolean;
}

type OnSubscription = (subscription: Subscription, principal: object) => void;

/** All sessions of the broker, by client identifier: at most one connection each (D9). */
export class Sessions {
  readonly #house: SessionHouse;
  readonly #byClientId = new Map<string, Session>();
  /** The session whose connection is closed because a client wants a new one instead, while it is. */
  discarding: Session | null = null;
  #nextNumber = 1;

  constructor(house: SessionHouse) {
    this.#house = house;
  }

  get size(): number {
    return this.#byClientId.size;
  }

  get(clientId: string): Session | undefined {
    return this.#byClientId.get(clientId);
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#byClientId.values();
  }

  /**
   * Gives the client its session, taking it over from a connection that has it [MQTT-3.1.4-3]. Null when the session
   * belongs to someone else: nothing of it may be inherited, nor may its owner be disturbed.
   */
  open(request: OpenRequest): OpenedSession | null {
    const existing = this.#byClientId.get(request.clientId);
    if (existing !== undefined && existing.state.owner !== request.owner) return null;
    if (existing !== undefined) this.#vacate(existing, request.cleanStart);
    const kept = existing === undefined || existing.isEnded ? null : existing;
    const session = kept ?? this.#create(request);
    session.attach(request.sink);
    session.state.connected(request.expiryInterval, request.will, request.principal);
    if (kept === null) this.#house.counters.sessionsCreated += 1;
    else this.#house.counters.sessionsResumed += 1;
    return { session, isPresent: kept !== null };
  }

  /** The connection behind `sink` is gone. Nothing happens when another one has the session meanwhile. */
  release(session: Session, sink: Sink): void {
    if (session.sink !== sink) return;
    session.detach();
    session.state.disconnected();
  }

  /** Called by the room above when a session is over. */
  forget(session: Session): void {
    if (this.#byClientId.get(session.clientId) === session) this.#byClientId.delete(session.clientId);
  }

  /**
   * Reads every stored session. `onSubscription` is told of each subscription of theirs, and who subscribed, `takeChunk` is asked whether a record of
   * a queue that is no session's belongs to it; else it is deleted.
   */
  async load(
    onSubscription: OnSubscription,
    takeChunk: (queue: number, sequence: number, record: Buffer) => boolean = () => false,
  ): Promise<void> {
    /** In the order of their numbers, as their queues are. */
    const restored: Session[] = [];
    const connected = new Set<Session>();
    const leaving = new Set<Session>();
    const orphans: number[] = [];
    for await (const page of readSessions(this.#house.store)) {
      for (const stored of page) {
        // Also the number of a session whose facts were damaged: its other records must not become another one's.
        this.#nextNumber = Math.max(this.#nextNumber, stored.number + 1);
        if (stored.facts === null) {
          orphans.push(stored.number);
          continue;
        }
        const session = this.#restore(stored, stored.facts, stored.facts.isEnded ? null : onSubscription);
        restored.push(session);
        if (stored.facts.isEnded) leaving.add(session);
        else if (stored.facts.isConnected) connected.add(session);
      }
    }
    for (const number of orphans) await this.#dropOrphan(number);
    await this.#loadQueues(restored, takeChunk);
    // ORDER: ending a session, or publishing a will, needs every queue to be known.
    for (const session of leaving) session.goOnLeaving();
    for (const session of restored) if (!leaving.has(session)) session.goOn(connected.has(session));
  }

  /** The record that says whose session it was is damaged: what else is stored of it belongs to nobody. */
  async #dropOrphan(number: number): Promise<void> {
    const { store, logger } = this.#house;
    const leftovers = new Batch();
    let messages = 0;
    for (const table of ['session', 'queue'] as const) {
      for await (const page of store.scan(table, { from: sessionPrefix(number), to: sessionPrefix(number + 1) })) {
        for (const { key, value } of page) {
          leftovers.delete(table, Buffer.from(key));
          if (table === 'queue') messages += decodeChunk(value).length;
        }
      }
    }
    logger.error(
      { session: number, messages },
      'a session is lost, since its record was damaged; the messages that waited for it are dropped',
    );
    await store.commit(leftovers);
  }

  #create({ clientId, owner, expiryInterval }: OpenRequest): Session {
    const number = expiryInterval > 0 ? this.#nextNumber++ : 0;
    const session = new Session(clientId, owner, number, this.#house);
    this.#byClientId.set(clientId, session);
    return session;
  }

  #vacate(session: Session, isDiscarded: boolean): void {
    if (session.sink !== null) {
      this.#house.counters.sessionsTakenOver += 1;
      const { sink } = session;
      this.discarding = isDiscarded ? session : null;
      sink.close(SESSION_TAKEN_OVER);
      this.discarding = null;
      this.release(session, sink);
    }
    if (isDiscarded) session.end();
  }

  /** `onSubscription` is null for a session that is over: nobody finds it, and it gets nothing. */
  #restore(stored: StoredSession, facts: SessionFacts, onSubscription: OnSubscription | null): Session {
    const session = new Session(facts.clientId, stored, stored.number, this.#house);
    if (onSubscription !== null) this.#byClientId.set(facts.clientId, session);
    for (const own of stored.subscriptions) {
      const { text, match, catchUp = null } = own;
      const isShared = match === undefined && text.startsWith('$share/');
      const parsed = isShared ? parseTopicFilter(text, LEVELS_MAX) : { text, filter: match ?? text, group: null };
      if (typeof parsed === 'string') continue;
      const subscription = new Subscription(session, parsed, own.identifier === 0 ? own : optionsOf(own), own.number);
      subscription.catchUp = catchUp;
      session.restoreSubscription(subscription);
      onSubscription?.(subscription, facts.principal);
    }
    return session;
  }

  async #loadQueues(sessions: readonly Session[], takeChunk: (queue: number, sequence: number, record: Buffer) => boolean): Promise<void> {
    let leftovers = new Batch();
    let next = 0;
    for await (const page of this.#house.store.scan('queue', { readsAhead: true })) {
      for (const { key, value } of page) {
        const number = key.readUInt32BE(0);
        const sequence = key.readUIntBE(4, 6);
        while (next < sessions.length && sessions[next].number < number) next += 1;
        const session = sessions[next];
        if (session?.number === number) session.restoreChunk(sequence, value);
        else if (!takeChunk(number, sequence, value)) leftovers.delete('queue', queueKey(number, sequence));
      }
      if (leftovers.changes.length < LEFTOVERS_PER_BATCH) continue;
      await this.#house.store.commit(leftovers);
      leftovers = new Batch();
    }
    if (!leftovers.isEmpty) await this.#house.store.commit(leftovers);
  }
}

function optionsOf({ qos, noLocal, retainAsPublished, retainHandling, identifier }: SubscriptionOptions): SubscriptionOptions {
  return { qos, noLocal, retainAsPublished, retainHandling, identifier };
}

/** What the keys of all records of a session begin with. */
function sessionPrefix(number: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(number);
  return prefix;
}
