import type { ConnackProperties, QoS } from '@wrenmq/codec';

/** Some packet identifiers are left for SUBSCRIBE and UNSUBSCRIBE. */
const quotaMax = 0xffff - 0x400;

/** The connection as all parts of a session see it: whether there is one, and what the broker allows on it. */
export class ConnectionState {
  version: 4 | 5;
  readonly maxInflight: number;
  isConnected = false;
  /** Counts connections. What belongs to one notes its number. */
  number = 0;
  /** The latest time that an input has named. */
  now = 0;
  /** How many QoS 1 and 2 messages may be unacknowledged. */
  quota = 0;
  maxPacketSize = Infinity;
  maximumQoS: QoS = 2;
  hasRetain = true;
  topicAliasMaximum = 0;
  hasIdentifiers = false;
  hasWildcards = true;
  hasShared = true;

  constructor(version: 4 | 5, maxInflight: number) {
    this.version = version;
    this.maxInflight = maxInflight;
  }

  /** CONNACK has come. */
  connect(properties: ConnackProperties): void {
    this.isConnected = true;
    this.number++;
    this.quota = Math.min(this.maxInflight, properties.receiveMaximum ?? quotaMax, quotaMax); // [MQTT-3.3.4-7]
    this.maxPacketSize = properties.maximumPacketSize ?? Infinity;
    this.maximumQoS = properties.maximumQoS ?? 2;
    this.hasRetain = properties.retainAvailable ?? true;
    this.topicAliasMaximum = properties.topicAliasMaximum ?? 0;
    this.hasIdentifiers = this.version === 5 && (properties.subscriptionIdentifierAvailable ?? true);
    this.hasWildcards = properties.wildcardSubscriptionAvailable ?? true;
    this.hasShared = properties.sharedSubscriptionAvailable ?? true;
  }
}
