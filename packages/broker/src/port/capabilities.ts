import type { QoS } from '#message/message.ts';

/** What the broker offers its clients: announced in CONNACK, and enforced. */
export interface Capabilities {
  readonly maximumQoS: QoS;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly subscriptionIdentifierAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  /** Levels of a topic name or filter. */
  readonly topicLevelsMax: number;
  /** Bytes of a topic name or filter. */
  readonly topicBytesMax: number;
  readonly subscriptionsPerClientMax: number;
}
