import type { ConnackProperties, QoS } from '@wrenmq/codec';

/** The largest packet that MQTT has. */
export const packetBytesMax = 268_435_455;

/** What the broker allows on this connection; the defaults of MQTT before the first one. */
export interface BrokerLimits {
  readonly receiveMaximum: number;
  readonly maxPacketSize: number;
  readonly maximumQoS: QoS;
  readonly retain: boolean;
  readonly wildcard: boolean;
  readonly subscriptionIds: boolean;
  readonly shared: boolean;
  readonly topicAliasMaximum: number;
  /** Seconds. */
  readonly keepAlive: number;
}

/** What CONNACK says, or does not say. `keepAlive`: what we have asked for. */
export function brokerLimits(properties: ConnackProperties, keepAlive: number): BrokerLimits {
  return {
    receiveMaximum: properties.receiveMaximum ?? 0xffff,
    maxPacketSize: properties.maximumPacketSize ?? packetBytesMax,
    maximumQoS: properties.maximumQoS ?? 2,
    retain: properties.retainAvailable ?? true,
    wildcard: properties.wildcardSubscriptionAvailable ?? true,
    subscriptionIds: properties.subscriptionIdentifierAvailable ?? true,
    shared: properties.sharedSubscriptionAvailable ?? true,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    keepAlive: properties.serverKeepAlive ?? keepAlive, // [MQTT-3.2.2-21]
  };
}
