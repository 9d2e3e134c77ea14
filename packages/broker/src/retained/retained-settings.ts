/** Which topics keep more than their last message. */
export interface HistoryRule {
  /** The first rule decides whose filter matches. */
  readonly filter: string;
  /** How many messages, the retained one among them; 1 keeps no others. */
  readonly messages: number;
  /** Of the older ones of a topic, as they are stored; the oldest give way. */
  readonly bytesMax: number;
}

export interface RetainedSettings {
  readonly messagesMax: number;
  /** Of all records, keys included. */
  readonly bytesMax: number;
  /** Of one message. */
  readonly payloadBytesMax: number;
  /** Messages that are retained per second, of all publishers together; Infinity is no limit. */
  readonly storeRatePerSecond: number;
  /** Message Expiry Interval of those that have none; EXPIRES_NEVER leaves them without. */
  readonly expiryDefaultSeconds: number;
  /** Message Expiry Interval whatever the publisher says, EXPIRES_NEVER for none; null: what the publisher says holds. */
  readonly expiryOverrideSeconds: number | null;
  /** Whether a message that clears is kept from those who are subscribed. */
  readonly stopPublishClearMessage: boolean;
  /** Retained messages that one session gets per second; Infinity is no limit. */
  readonly deliveryRatePerSecond: number;
  /** Whether user properties tell receivers when and by whom a message was published. */
  readonly tellAuthor: boolean;
  readonly history: readonly HistoryRule[];
  /** Bounds of the older messages of all topics together. */
  readonly historyMessagesMax: number;
  readonly historyBytesMax: number;
}

/** The configuration's largest interval, which means "does not expire". */
export const EXPIRES_NEVER = 0xffff_ffff;
