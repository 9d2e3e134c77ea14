/** What was decided. Its entry in the ring is about a topic, about a client and a topic, or about a client. */
export const DecisionKind = {
  // About a topic.
  Published: 1,
  Refused: 2,
  Rewritten: 3,
  Taken: 4,
  Silenced: 5,
  GroupDropped: 6,
  // About a client and a topic.
  SentOnce: 7,
  Sent: 8,
  Stepped: 9,
  Queued: 10,
  Unqueued: 11,
  Dropped: 12,
  NoLocal: 13,
  Withheld: 14,
  // About a client.
  Opened: 15,
  Resumed: 16,
  Detached: 17,
  Closed: 18,
  Subscribed: 19,
  Unsubscribed: 20,
  SubscriptionRefused: 21,
} as const;
export type DecisionKind = (typeof DecisionKind)[keyof typeof DecisionKind];

/** How far the client is with a delivery at QoS 1 or 2. */
export const Step = { Sent: 0, Acknowledged: 1, Received: 2, Completed: 3, Refused: 4 } as const;
export type Step = (typeof Step)[keyof typeof Step];

/** What keeps a delivery in the queue. */
export const QueueCause = { Offline: 0, NotReading: 1, Window: 2, Others: 3 } as const;
export type QueueCause = (typeof QueueCause)[keyof typeof QueueCause];

/** Who or what said no. */
export const RefusedBy = { Rule: 0, NoRule: 1, Hook: 2, NoRoom: 3, Server: 4 } as const;
export type RefusedBy = (typeof RefusedBy)[keyof typeof RefusedBy];

/** Why something was refused. */
export interface RefusalCause {
  readonly by: RefusedBy;
  /** The rule's place in `authorization.rules`, from 0; null when no rule said it. */
  readonly rule: number | null;
  /** The rule in words; empty when there is none. */
  readonly text: string;
}

/** The options of a subscription that decide who gets what, as one number. */
export function codeOfOptions({ qos, noLocal }: { readonly qos: number; readonly noLocal: boolean }): number {
  return qos | (noLocal ? 4 : 0);
}
