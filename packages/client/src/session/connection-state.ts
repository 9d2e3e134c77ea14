import { type BrokerLimits, brokerLimits } from './broker-limits.ts';

/** Some packet identifiers are left for SUBSCRIBE and UNSUBSCRIBE. */
const quotaMax = 0xffff - 0x400;
/** What every 3.1.1 broker takes, which cannot say how many it does: mosquitto acknowledges and loses QoS 2 messages above it. */
const quotaWithoutReceiveMaximum = 20;

/** The connection as all parts of a session see it: whether there is one, and what the broker allows on it. */
export class ConnectionState {
  version: 4 | 5;
  /** The user's bound, if there is one. */
  readonly maxInflight: number | undefined;
  isConnected = false;
  /** Counts connections. What belongs to one notes its number. */
  number = 0;
  /** The latest time that an input has named. */
  now = 0;
  /** How many QoS 1 and 2 messages may be unacknowledged. */
  quota = 0;
  limits: BrokerLimits = brokerLimits({}, 0);

  constructor(version: 4 | 5, maxInflight: number | undefined) {
    this.version = version;
    this.maxInflight = maxInflight;
  }

  /** CONNACK has come. */
  connect(limits: BrokerLimits): void {
    this.isConnected = true;
    this.number++;
    this.limits = limits;
    const own = this.maxInflight ?? (this.version === 5 ? quotaMax : quotaWithoutReceiveMaximum);
    this.quota = Math.min(own, limits.receiveMaximum, quotaMax); // [MQTT-3.3.4-7]
  }

  /** Subscription identifiers. */
  get hasIdentifiers(): boolean {
    return this.version === 5 && this.limits.subscriptionIds;
  }
}
