/** A reason code of MQTT 5 or a return code of MQTT 3.1.1, and the packets that carry it. */
export interface Reason {
  /** The key of its texts. */
  readonly key: string;
  readonly code: number;
  /** As the standard writes it. */
  readonly name: string;
  readonly version: '5' | '3.1.1';
  readonly packets: readonly string[];
}

const PACKETS: Readonly<Record<string, string>> = {
  c: 'CONNACK',
  p: 'PUBACK',
  r: 'PUBREC',
  l: 'PUBREL',
  m: 'PUBCOMP',
  s: 'SUBACK',
  u: 'UNSUBACK',
  d: 'DISCONNECT',
  a: 'AUTH',
};

/** Table 2-6 of the standard: which packets carry which code. */
const MQTT5: readonly (readonly [code: number, name: string, packets: string])[] = [
  [0x00, 'Success', 'cprlmua'],
  [0x00, 'Normal disconnection', 'd'],
  [0x00, 'Granted QoS 0', 's'],
  [0x01, 'Granted QoS 1', 's'],
  [0x02, 'Granted QoS 2', 's'],
  [0x04, 'Disconnect with Will Message', 'd'],
  [0x10, 'No matching subscribers', 'pr'],
  [0x11, 'No subscription existed', 'u'],
  [0x18, 'Continue authentication', 'a'],
  [0x19, 'Re-authenticate', 'a'],
  [0x80, 'Unspecified error', 'cprsud'],
  [0x81, 'Malformed Packet', 'cd'],
  [0x82, 'Protocol Error', 'cd'],
  [0x83, 'Implementation specific error', 'cprsud'],
  [0x84, 'Unsupported Protocol Version', 'c'],
  [0x85, 'Client Identifier not valid', 'c'],
  [0x86, 'Bad User Name or Password', 'c'],
  [0x87, 'Not authorized', 'cprsud'],
  [0x88, 'Server unavailable', 'c'],
  [0x89, 'Server busy', 'cd'],
  [0x8a, 'Banned', 'c'],
  [0x8b, 'Server shutting down', 'd'],
  [0x8c, 'Bad authentication method', 'cd'],
  [0x8d, 'Keep Alive timeout', 'd'],
  [0x8e, 'Session taken over', 'd'],
  [0x8f, 'Topic Filter invalid', 'sud'],
  [0x90, 'Topic Name invalid', 'cprd'],
  [0x91, 'Packet Identifier in use', 'prsu'],
  [0x92, 'Packet Identifier not found', 'lm'],
  [0x93, 'Receive Maximum exceeded', 'd'],
  [0x94, 'Topic Alias invalid', 'd'],
  [0x95, 'Packet too large', 'cd'],
  [0x96, 'Message rate too high', 'd'],
  [0x97, 'Quota exceeded', 'cprsd'],
  [0x98, 'Administrative action', 'd'],
  [0x99, 'Payload format invalid', 'cprd'],
  [0x9a, 'Retain not supported', 'cd'],
  [0x9b, 'QoS not supported', 'cd'],
  [0x9c, 'Use another server', 'cd'],
  [0x9d, 'Server moved', 'cd'],
  [0x9e, 'Shared Subscriptions not supported', 'sd'],
  [0x9f, 'Connection rate exceeded', 'cd'],
  [0xa0, 'Maximum connect time', 'd'],
  [0xa1, 'Subscription Identifiers not supported', 'sd'],
  [0xa2, 'Wildcard Subscriptions not supported', 'sd'],
];

/** Tables 3.1 and 3.9.3 of MQTT 3.1.1. */
const MQTT311: readonly (readonly [code: number, name: string, packets: string])[] = [
  [0x00, 'Connection Accepted', 'c'],
  [0x01, 'Connection Refused, unacceptable protocol version', 'c'],
  [0x02, 'Connection Refused, identifier rejected', 'c'],
  [0x03, 'Connection Refused, Server unavailable', 'c'],
  [0x04, 'Connection Refused, bad user name or password', 'c'],
  [0x05, 'Connection Refused, not authorized', 'c'],
  [0x00, 'Success - Maximum QoS 0', 's'],
  [0x01, 'Success - Maximum QoS 1', 's'],
  [0x02, 'Success - Maximum QoS 2', 's'],
  [0x80, 'Failure', 's'],
];

function reasonOf(version: Reason['version']) {
  return ([code, name, packets]: readonly [number, string, string]): Reason => ({
    key: `${version}/${code.toString(16).padStart(2, '0')}/${packets[0]}`,
    code,
    name,
    version,
    packets: packets.split('').map((letter) => PACKETS[letter]),
  });
}

export const REASONS: readonly Reason[] = [...MQTT5.map(reasonOf('5')), ...MQTT311.map(reasonOf('3.1.1'))];
