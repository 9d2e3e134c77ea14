import { connectCases } from './connect-cases.ts';
import { bytes, frame, properties, reason, reasonAndUser, text, user, userProperties } from './packet-case.ts';
import type { PacketCase } from './packet-case.ts';
import { PacketType } from './packet-type.ts';

const { PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH } = PacketType;

const plain = { retain: false, dup: false, qos: 0, packetId: 0 } as const;
const publishes: PacketCase[] = [
  {
    name: 'PUBLISH 3.1.1 at QoS 0 [MQTT-2.2.1-2] [MQTT311-2.3.1-5]',
    version: 4,
    bytes: bytes(0x30, 5, 0, 1, 0x61, 0x68, 0x69),
    packet: { type: PUBLISH, topic: 'a', payload: bytes(0x68, 0x69), ...plain },
  },
  {
    name: 'PUBLISH 3.1 at QoS 2 with all flags',
    version: 3,
    bytes: bytes(0x3d, 5, 0, 1, 0x61, 0xff, 0xff),
    packet: { type: PUBLISH, topic: 'a', payload: bytes(), qos: 2, retain: true, dup: true, packetId: 65535 },
  },
  {
    name: 'PUBLISH 5.0 without properties [MQTT-2.2.2-1]',
    version: 5,
    bytes: bytes(0x32, 7, 0, 1, 0x61, 0, 1, 0, 9),
    packet: { type: PUBLISH, topic: 'a', payload: bytes(9), qos: 1, retain: false, dup: false, packetId: 1 },
  },
  {
    name: 'PUBLISH 5.0 whose topic begins with U+FEFF [MQTT-1.5.4-3]',
    version: 5,
    bytes: bytes(0x30, 6, 0, 3, 0xef, 0xbb, 0xbf, 0),
    packet: { type: PUBLISH, topic: '\ufeff', payload: bytes(), ...plain },
  },
  {
    name: 'PUBLISH 3.1.1 whose topic begins with U+FEFF [MQTT311-1.5.3-3]',
    version: 4,
    bytes: bytes(0x30, 5, 0, 3, 0xef, 0xbb, 0xbf),
    packet: { type: PUBLISH, topic: '\ufeff', payload: bytes(), ...plain },
  },
  {
    name: 'PUBLISH 5.0 with every property, user properties in order [MQTT-3.3.2-18]',
    version: 5,
    bytes: frame(
      0x30,
      text('t'),
      properties(
        [1, 0, 2, 0xff, 0xff, 0xff, 0xfe, 3, ...text('c'), 8, ...text('r/1'), 9, 0, 3, 1, 2, 3, 0x0b, 1, 0x0b, 0xff, 0xff, 0xff, 0x7f],
        [0x23, 0, 7, 0x26, ...text('z'), ...text(''), 0x26, ...text('a'), ...text('1'), 0x26, ...text('z'), ...text('€')],
      ),
      [1],
    ),
    packet: {
      type: PUBLISH,
      topic: 't',
      payload: bytes(1),
      ...plain,
      properties: {
        payloadFormatIndicator: 0,
        messageExpiryInterval: 0xfffffffe,
        contentType: 'c',
        responseTopic: 'r/1',
        correlationData: bytes(1, 2, 3),
        subscriptionIdentifiers: [1, 268435455],
        topicAlias: 7,
        userProperties: [
          ['z', ''],
          ['a', '1'],
          ['z', '€'],
        ],
      },
    },
  },
  {
    name: 'PUBLISH 5.0 with an alias in the place of its topic, properties in another order',
    version: 5,
    bytes: frame(0x30, text(''), properties(user, 0x23, 0xff, 0xff, 1, 1)),
    packet: {
      type: PUBLISH,
      topic: '',
      payload: bytes(),
      ...plain,
      properties: { payloadFormatIndicator: 1, topicAlias: 65535, userProperties },
    },
    isShortest: false,
  },
];

const acknowledgements: PacketCase[] = (
  [
    [PUBACK, 0x40, 0x10, 'PUBACK'],
    [PUBREC, 0x50, 0x91, 'PUBREC'],
    [PUBREL, 0x62, 0x92, 'PUBREL'],
    [PUBCOMP, 0x70, 0x92, 'PUBCOMP'],
  ] as const
).flatMap(([type, first, code, name]): PacketCase[] => [
  { name: `${name} 3.1.1`, version: 4, bytes: bytes(first, 2, 1, 2), packet: { type, packetId: 258, reasonCode: 0 } },
  { name: `${name} 3.1`, version: 3, bytes: bytes(first, 2, 0, 1), packet: { type, packetId: 1, reasonCode: 0 } },
  { name: `${name} 5.0, short form`, version: 5, bytes: bytes(first, 2, 0, 1), packet: { type, packetId: 1, reasonCode: 0 } },
  {
    name: `${name} 5.0 with a reason code`,
    version: 5,
    bytes: bytes(first, 3, 0, 1, code),
    packet: { type, packetId: 1, reasonCode: code },
  },
  {
    name: `${name} 5.0 with success and a property length of 0`,
    version: 5,
    bytes: bytes(first, 4, 0, 1, 0, 0),
    packet: { type, packetId: 1, reasonCode: 0 },
    isShortest: false,
  },
  {
    name: `${name} 5.0 with properties`,
    version: 5,
    bytes: frame(first, [0, 1, code], properties(reason, user)),
    packet: { type, packetId: 1, reasonCode: code, properties: reasonAndUser },
  },
]);

const no = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
const subscriptions: PacketCase[] = [
  {
    name: 'SUBSCRIBE 3.1.1',
    version: 4,
    bytes: frame(0x82, [0, 10], text('a/+'), 0, text('#'), 2),
    packet: {
      type: SUBSCRIBE,
      packetId: 10,
      filters: [
        { filter: 'a/+', qos: 0, ...no },
        { filter: '#', qos: 2, ...no },
      ],
    },
  },
  {
    name: 'SUBSCRIBE 3.1 that is sent again',
    version: 3,
    bytes: frame(0x8a, [0, 10], text('a'), 1),
    packet: { type: SUBSCRIBE, packetId: 10, filters: [{ filter: 'a', qos: 1, ...no }] },
    isShortest: false,
  },
  {
    name: 'SUBSCRIBE 5.0 with every option and property',
    version: 5,
    bytes: frame(0x82, [0, 10], properties([0x0b, 0x80, 0x01], user), text('a'), 0x2e, text('$share/g/a'), 0x19),
    packet: {
      type: SUBSCRIBE,
      packetId: 10,
      filters: [
        { filter: 'a', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
        { filter: '$share/g/a', qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 1 },
      ],
      properties: { subscriptionIdentifier: 128, userProperties },
    },
  },
  {
    name: 'SUBACK 3.1.1 [MQTT311-3.9.3-1]',
    version: 4,
    bytes: bytes(0x90, 6, 0, 10, 0, 1, 2, 0x80),
    packet: { type: SUBACK, packetId: 10, reasonCodes: [0, 1, 2, 0x80] },
  },
  {
    name: 'SUBACK 5.0 [MQTT-3.9.3-1]',
    version: 5,
    bytes: frame(0x90, [0, 10], properties(reason, user), [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]),
    packet: {
      type: SUBACK,
      packetId: 10,
      reasonCodes: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
      properties: reasonAndUser,
    },
  },
  {
    name: 'UNSUBSCRIBE 3.1.1',
    version: 4,
    bytes: frame(0xa2, [1, 0], text('a'), text('b/#')),
    packet: { type: UNSUBSCRIBE, packetId: 256, filters: ['a', 'b/#'] },
  },
  {
    name: 'UNSUBSCRIBE 5.0',
    version: 5,
    bytes: frame(0xa2, [1, 0], properties(user), text('a')),
    packet: { type: UNSUBSCRIBE, packetId: 256, filters: ['a'], properties: { userProperties } },
  },
  {
    name: 'UNSUBACK 3.1.1',
    version: 4,
    bytes: bytes(0xb0, 2, 1, 0),
    packet: { type: UNSUBACK, packetId: 256, reasonCodes: [] },
  },
  {
    name: 'UNSUBACK 5.0 [MQTT-3.11.3-1]',
    version: 5,
    bytes: frame(0xb0, [1, 0], properties(reason, user), [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]),
    packet: { type: UNSUBACK, packetId: 256, reasonCodes: [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91], properties: reasonAndUser },
  },
];

const others: PacketCase[] = [
  { name: 'PINGREQ', version: 4, bytes: bytes(0xc0, 0), packet: { type: PacketType.PINGREQ } },
  { name: 'PINGRESP', version: 5, bytes: bytes(0xd0, 0), packet: { type: PacketType.PINGRESP } },
  { name: 'DISCONNECT 3.1.1', version: 4, bytes: bytes(0xe0, 0), packet: { type: DISCONNECT, reasonCode: 0 } },
  { name: 'DISCONNECT 5.0, short form', version: 5, bytes: bytes(0xe0, 0), packet: { type: DISCONNECT, reasonCode: 0 } },
  { name: 'DISCONNECT 5.0 with a reason code', version: 5, bytes: bytes(0xe0, 1, 0x8e), packet: { type: DISCONNECT, reasonCode: 0x8e } },
  {
    name: 'DISCONNECT 5.0 with a property length of 0',
    version: 5,
    bytes: bytes(0xe0, 2, 4, 0),
    packet: { type: DISCONNECT, reasonCode: 4 },
    isShortest: false,
  },
  {
    name: 'DISCONNECT 5.0 with every property',
    version: 5,
    bytes: frame(0xe0, 0x9d, properties(0x11, [0, 0, 0, 1], 0x1c, text('s'), reason, user)),
    packet: { type: DISCONNECT, reasonCode: 0x9d, properties: { sessionExpiryInterval: 1, serverReference: 's', ...reasonAndUser } },
  },
  { name: 'AUTH, short form', version: 5, bytes: bytes(0xf0, 0), packet: { type: AUTH, reasonCode: 0 } },
  {
    name: 'AUTH with success and a property length of 0',
    version: 5,
    bytes: bytes(0xf0, 2, 0, 0),
    packet: { type: AUTH, reasonCode: 0 },
    isShortest: false,
  },
  {
    name: 'AUTH with every property',
    version: 5,
    bytes: frame(0xf0, 0x18, properties(0x15, text('m'), 0x16, [0, 1, 5], reason, user)),
    packet: {
      type: AUTH,
      reasonCode: 0x18,
      properties: { authenticationMethod: 'm', authenticationData: bytes(5), ...reasonAndUser },
    },
  },
];

/** Valid packets of all types and versions with their exact bytes. */
export const packetCases: readonly PacketCase[] = [...connectCases, ...publishes, ...acknowledgements, ...subscriptions, ...others];
