import type { Principal } from '#auth/client-identity.ts';
import type { ClientFacts } from '#hooks/points.ts';
import type { Session } from '#session/session.ts';
import type { Sink } from '#session/sink.ts';
import type { HistoryReader } from './history-reader.ts';

/** A remote party that has been let in: who it is, and the session that it has. */
export class Client {
  readonly facts: ClientFacts;
  principal: Principal;
  readonly session: Session;
  readonly sink: Sink;
  /** The topic that was authorized last, and what it was authorized for: a bit for each QoS and retain. */
  allowedTopic: string | null = null;
  allowedBits = 0;
  allowedEpoch = -1;
  /** From CONNACK until everything that the house subscribes it to at once is made: what that waits for; else null. */
  settling: Promise<unknown>[] | null = null;
  /** What it reads of the history, by the names of the subscriptions; null while it has read nothing. */
  readings: Map<string, HistoryReader> | null = null;

  constructor(facts: ClientFacts, principal: Principal, session: Session, sink: Sink) {
    this.facts = facts;
    this.principal = principal;
    this.session = session;
    this.sink = sink;
  }
}
