// HOT

/** Why a message or delivery was dropped. Every drop in the house has one of these reasons. */
export const dropReasons = [
  'queue-full',
  'outbox-full',
  'too-large',
  'expired',
  'offline-qos-0',
  'store-full',
  'damaged',
  'retained-full',
  'retained-rate',
  'no-member',
  'session-ended',
  'not-authorized',
  'rejected',
  'undeliverable',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Why a client was refused or disconnected by the broker. */
export const refusalReasons = [
  'malformed',
  'protocol-error',
  'unsupported-version',
  'client-id',
  'credentials',
  'not-authorized',
  'overloaded',
  'quota',
  'connect-timeout',
  'keep-alive',
  'taken-over',
  'send-timeout',
  'shutdown',
  'administrative',
  'internal',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** What the broker counts. Plain fields of one shape, so that counting costs an addition. */
export class Counters {
  bytesReceived = 0;
  bytesSent = 0;
  packetsReceived = 0;
  packetsSent = 0;
  publishReceivedQoS0 = 0;
  publishReceivedQoS1 = 0;
  publishReceivedQoS2 = 0;
  publishSentQoS0 = 0;
  publishSentQoS1 = 0;
  publishSentQoS2 = 0;
  /** Payloads of PUBLISH packets. */
  payloadBytesReceived = 0;
  payloadBytesSent = 0;
  /** PUBLISH that matched no subscription. */
  publishUnmatched = 0;
  connectionsOpened = 0;
  connectionsClosed = 0;
  /** Clients that were let in. */
  clientsConnected = 0;
  /** Clients that had been let in, and left or were disconnected. */
  clientsDisconnected = 0;
  subscriptionsMade = 0;
  /** Subscriptions that their clients ended. */
  subscriptionsEnded = 0;
  sessionsCreated = 0;
  sessionsResumed = 0;
  sessionsTakenOver = 0;
  sessionsExpired = 0;
  willsPublished = 0;
  /** Messages that members of durable groups had, did not finish, and gave back. */
  groupReturned = 0;
  /** Messages that went to a dead-letter topic. */
  groupDeadLettered = 0;
  /** Delayed messages that were taken, published when they were due, expired before that, and refused for want of room. */
  delayedAccepted = 0;
  delayedPublished = 0;
  delayedExpired = 0;
  delayedRefused = 0;
  readonly dropped: Record<DropReason, number> = zeros(dropReasons);
  readonly refused: Record<RefusalReason, number> = zeros(refusalReasons);
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  const record = {} as Record<Name, number>;
  for (const name of names) record[name] = 0;
  return record;
}
