/** Reason codes of MQTT 5.0 (2.4). Values below 0x80 are no failure. */
export const ReasonCode = {
  Success: 0x00,
  NormalDisconnection: 0x00,
  GrantedQoS0: 0x00,
  GrantedQoS1: 0x01,
  GrantedQoS2: 0x02,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QoSNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const;

export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode];

// The first name of a value wins: 0x00 is `Success`.
const names = new Map<number, string>();
for (const [name, code] of Object.entries(ReasonCode)) if (!names.has(code)) names.set(code, name);

/** The name of a reason code in `ReasonCode`, or its value in hexadecimal when the standard has no such code. */
export function reasonName(code: number): string {
  return names.get(code) ?? `0x${code.toString(16).padStart(2, '0')}`;
}

/**
 * The CONNACK return code of MQTT 3 that says what a CONNACK reason code of MQTT 5 says: 0 accepted, 1 protocol version,
 * 2 client identifier, 3 server unavailable, 4 user name or password, 5 not authorized.
 */
export function connackReturnCode(reasonCode: number): 0 | 1 | 2 | 3 | 4 | 5 {
  if (reasonCode < 0x80) return 0;
  switch (reasonCode) {
    case ReasonCode.UnspecifiedError:
    case ReasonCode.MalformedPacket:
    case ReasonCode.ProtocolError:
    case ReasonCode.ImplementationSpecificError:
    case ReasonCode.UnsupportedProtocolVersion:
      return 1; // [MQTT311-3.1.2-2]
    case ReasonCode.ClientIdentifierNotValid:
      return 2; // [MQTT311-3.1.3-8] [MQTT311-3.1.3-9]
    case ReasonCode.BadUserNameOrPassword:
      return 4;
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
    case ReasonCode.BadAuthenticationMethod:
      return 5;
    default:
      return 3;
  }
}
