import type { AcknowledgementType, PacketType, ProtocolVersion, QoS } from './packet-type.ts';
import type { Properties } from './properties.ts';

type Type = typeof PacketType;

export type ConnectProperties = Pick<
  Properties,
  | 'sessionExpiryInterval'
  | 'receiveMaximum'
  | 'maximumPacketSize'
  | 'topicAliasMaximum'
  | 'requestResponseInformation'
  | 'requestProblemInformation'
  | 'userProperties'
  | 'authenticationMethod'
  | 'authenticationData'
>;

export type WillProperties = Pick<
  Properties,
  | 'willDelayInterval'
  | 'payloadFormatIndicator'
  | 'messageExpiryInterval'
  | 'contentType'
  | 'responseTopic'
  | 'correlationData'
  | 'userProperties'
>;

export type ConnackProperties = Pick<
  Properties,
  | 'sessionExpiryInterval'
  | 'receiveMaximum'
  | 'maximumQoS'
  | 'retainAvailable'
  | 'maximumPacketSize'
  | 'assignedClientIdentifier'
  | 'topicAliasMaximum'
  | 'reasonString'
  | 'userProperties'
  | 'wildcardSubscriptionAvailable'
  | 'subscriptionIdentifierAvailable'
  | 'sharedSubscriptionAvailable'
  | 'serverKeepAlive'
  | 'responseInformation'
  | 'serverReference'
  | 'authenticationMethod'
  | 'authenticationData'
>;

export type PublishProperties = Pick<
  Properties,
  | 'payloadFormatIndicator'
  | 'messageExpiryInterval'
  | 'topicAlias'
  | 'responseTopic'
  | 'correlationData'
  | 'userProperties'
  | 'subscriptionIdentifiers'
  | 'contentType'
>;

/** PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
export type AcknowledgementProperties = Pick<Properties, 'reasonString' | 'userProperties'>;

export type SubscribeProperties = Pick<Properties, 'subscriptionIdentifier' | 'userProperties'>;

export type UnsubscribeProperties = Pick<Properties, 'userProperties'>;

export type DisconnectProperties = Pick<Properties, 'sessionExpiryInterval' | 'reasonString' | 'userProperties' | 'serverReference'>;

export type AuthProperties = Pick<Properties, 'authenticationMethod' | 'authenticationData' | 'reasonString' | 'userProperties'>;

export interface Will {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  properties?: WillProperties;
}

export interface ConnectPacket {
  type: Type['CONNECT'];
  version: ProtocolVersion;
  /** Another broker's bridge, by mosquitto's custom: bit 7 of the level is set. MQTT 3.1 and 3.1.1 only. */
  isBridge?: boolean;
  clientId: string;
  /** In MQTT 3: clean session. */
  cleanStart: boolean;
  /** Seconds; 0 turns it off. */
  keepAlive: number;
  will?: Will;
  username?: string;
  password?: Uint8Array;
  properties?: ConnectProperties;
}

export interface ConnackPacket {
  type: Type['CONNACK'];
  sessionPresent: boolean;
  /** A reason code in MQTT 5, a return code (0 to 5) in MQTT 3: see `connackReturnCode`. */
  reasonCode: number;
  properties?: ConnackProperties;
}

export interface PublishPacket {
  type: Type['PUBLISH'];
  /** Empty when a topic alias stands for it. */
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  dup: boolean;
  /** 0 at QoS 0. */
  packetId: number;
  properties?: PublishProperties;
}

export interface AcknowledgementPacket<T extends AcknowledgementType = AcknowledgementType> {
  type: T;
  packetId: number;
  /** 0 in MQTT 3. */
  reasonCode: number;
  properties?: AcknowledgementProperties;
}

export interface Subscription {
  filter: string;
  qos: QoS;
  /** These three are false, false and 0 in MQTT 3. */
  noLocal: boolean;
  retainAsPublished: boolean;
  retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  type: Type['SUBSCRIBE'];
  packetId: number;
  filters: Subscription[];
  properties?: SubscribeProperties;
}

export interface SubackPacket {
  type: Type['SUBACK'];
  packetId: number;
  /** One for each filter, in order. In MQTT 3 every failure travels as 0x80. */
  reasonCodes: number[];
  properties?: AcknowledgementProperties;
}

export interface UnsubscribePacket {
  type: Type['UNSUBSCRIBE'];
  packetId: number;
  filters: string[];
  properties?: UnsubscribeProperties;
}

export interface UnsubackPacket {
  type: Type['UNSUBACK'];
  packetId: number;
  /** One for each filter, in order; empty in MQTT 3. */
  reasonCodes: number[];
  properties?: AcknowledgementProperties;
}

export interface PingreqPacket {
  type: Type['PINGREQ'];
}

export interface PingrespPacket {
  type: Type['PINGRESP'];
}

export interface DisconnectPacket {
  type: Type['DISCONNECT'];
  /** 0 in MQTT 3. */
  reasonCode: number;
  properties?: DisconnectProperties;
}

/** MQTT 5 only. */
export interface AuthPacket {
  type: Type['AUTH'];
  reasonCode: number;
  properties?: AuthProperties;
}

/** Every control packet, told apart by `type`. Absent `properties` and empty ones mean the same; MQTT 3 ignores them. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | AcknowledgementPacket<Type['PUBACK']>
  | AcknowledgementPacket<Type['PUBREC']>
  | AcknowledgementPacket<Type['PUBREL']>
  | AcknowledgementPacket<Type['PUBCOMP']>
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket;
