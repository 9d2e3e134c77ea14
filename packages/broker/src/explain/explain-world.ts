import type { RefusalCause } from './decision.ts';

/** A subscription as it is now. */
export interface PresentSubscription {
  /** Its name, `$share/...` included. */
  readonly text: string;
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
}

/** A delivery that the client has not finished, as it is now. */
export interface PresentDelivery {
  readonly packetId: number;
  readonly qos: 1 | 2;
  readonly topic: string;
  readonly retain: boolean;
  /** PUBREC has come. */
  readonly isReceived: boolean;
  readonly receivedAtMs: number;
}

/** A session as it is now. */
export interface PresentSession {
  readonly isConnected: boolean;
  /** How many messages wait. */
  readonly waiting: number;
  readonly subscriptions: readonly PresentSubscription[];
  readonly unfinished: readonly PresentDelivery[];
  /** Why the client may not receive the topic by this subscription; null when it may. */
  withheld(subscription: PresentSubscription, topic: string): RefusalCause | null;
}

/** A message that the history has. */
export interface KnownMessage {
  readonly receivedAtMs: number;
  readonly publisher: string;
  readonly offset: number;
}

/** What can be looked at directly, beside what was remembered. */
export interface ExplainWorld {
  nowMs(): number;
  session(clientId: string): PresentSession | null;
  /** Messages of a topic from then until before then, some of them; none without a history. */
  messages(topic: string, fromMs: number, toMs: number): Promise<readonly KnownMessage[]>;
  /** The newest message of a topic; null when the history has none. */
  newest(topic: string): Promise<KnownMessage | null>;
}
