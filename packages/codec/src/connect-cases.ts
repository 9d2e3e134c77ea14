import { bytes, frame, name3, name4, properties, reason, reasonAndUser, text, user, userProperties } from './packet-case.ts';
import type { PacketCase } from './packet-case.ts';
import { PacketType } from './packet-type.ts';

const { CONNECT, CONNACK } = PacketType;

const connects: readonly PacketCase[] = [
  {
    name: 'CONNECT 3.1 with the name MQIsdp',
    version: 3,
    bytes: frame(0x10, name3, 3, 0x02, 0, 10, text('a')),
    packet: { type: CONNECT, version: 3, clientId: 'a', cleanStart: true, keepAlive: 10 },
  },
  {
    name: 'CONNECT 3.1 whose username flag is set, without a username',
    version: 3,
    bytes: frame(0x10, name3, 3, 0xc2, 0, 10, text('a')),
    packet: { type: CONNECT, version: 3, clientId: 'a', cleanStart: true, keepAlive: 10 },
    isShortest: false,
  },
  {
    name: 'CONNECT 3.1.1 as small as it gets',
    version: 4,
    bytes: Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0),
    packet: { type: CONNECT, version: 4, clientId: '', cleanStart: true, keepAlive: 0 },
  },
  {
    name: 'CONNECT 3.1.1 with everything [MQTT311-3.1.3-1]',
    version: 4,
    bytes: frame(0x10, name4, 4, 0xf6, 0xff, 0xff, text('id'), text('w/t'), [0, 2, 0, 255], text('us'), [0, 1, 0]),
    packet: {
      type: CONNECT,
      version: 4,
      clientId: 'id',
      cleanStart: true,
      keepAlive: 65535,
      will: { topic: 'w/t', payload: bytes(0, 255), qos: 2, retain: true },
      username: 'us',
      password: bytes(0),
    },
  },
  {
    name: 'CONNECT 3.1.1 of a bridge, with an empty username',
    version: 4,
    bytes: frame(0x10, name4, 0x84, 0x80, 0, 1, text('b'), text('')),
    packet: { type: CONNECT, version: 4, isBridge: true, clientId: 'b', cleanStart: false, keepAlive: 1, username: '' },
  },
  {
    name: 'CONNECT 5.0 with a password alone',
    version: 5,
    bytes: frame(0x10, name4, 5, 0x40, 0, 1, 0, text('a'), [0, 1, 9]),
    packet: { type: CONNECT, version: 5, clientId: 'a', cleanStart: false, keepAlive: 1, password: bytes(9) },
  },
  {
    name: 'CONNECT 5.0 with every property',
    version: 5,
    bytes: frame(
      0x10,
      [...name4, 5, 0x02, 0, 1],
      properties(
        [0x11, 0xff, 0xff, 0xff, 0xff, 0x15, ...text('m'), 0x16, 0, 2, 1, 2, 0x17, 0, 0x19, 1],
        [0x21, 0, 1, 0x22, 0xff, 0xff, ...user, 0x27, 0, 0, 0, 1],
      ),
      text('a'),
    ),
    packet: {
      type: CONNECT,
      version: 5,
      clientId: 'a',
      cleanStart: true,
      keepAlive: 1,
      properties: {
        sessionExpiryInterval: 0xffffffff,
        authenticationMethod: 'm',
        authenticationData: bytes(1, 2),
        requestProblemInformation: false,
        requestResponseInformation: true,
        receiveMaximum: 1,
        topicAliasMaximum: 65535,
        userProperties,
        maximumPacketSize: 1,
      },
    },
  },
  {
    name: 'CONNECT 5.0 with a will that has every property [MQTT-3.1.3-1]',
    version: 5,
    bytes: frame(
      0x10,
      [...name4, 5, 0x0c, 0, 0, 0],
      text('a'),
      properties([1, 1, 2, 0, 0, 0, 9, 3, ...text('c'), 8, ...text('r'), 9, 0, 1, 7, 0x18, 0, 0, 1, 0], user),
      text('w'),
      [0, 0],
    ),
    packet: {
      type: CONNECT,
      version: 5,
      clientId: 'a',
      cleanStart: false,
      keepAlive: 0,
      will: {
        topic: 'w',
        payload: bytes(),
        qos: 1,
        retain: false,
        properties: {
          payloadFormatIndicator: 1,
          messageExpiryInterval: 9,
          contentType: 'c',
          responseTopic: 'r',
          correlationData: bytes(7),
          willDelayInterval: 256,
          userProperties,
        },
      },
    },
  },
];

const connacks: readonly PacketCase[] = [
  {
    name: 'CONNACK 3.1.1 with session present',
    version: 4,
    bytes: bytes(0x20, 2, 1, 0),
    packet: { type: CONNACK, sessionPresent: true, reasonCode: 0 },
  },
  {
    name: 'CONNACK 3.1 with return code 5',
    version: 3,
    bytes: bytes(0x20, 2, 0, 5),
    packet: { type: CONNACK, sessionPresent: false, reasonCode: 5 },
  },
  {
    name: 'CONNACK 3.1 whose first byte is reserved',
    version: 3,
    bytes: bytes(0x20, 2, 1, 0),
    packet: { type: CONNACK, sessionPresent: false, reasonCode: 0 },
    isShortest: false,
  },
  {
    name: 'CONNACK 5.0 that refuses',
    version: 5,
    bytes: bytes(0x20, 3, 0, 0x87, 0),
    packet: { type: CONNACK, sessionPresent: false, reasonCode: 0x87 },
  },
  {
    name: 'CONNACK 5.0 with every property',
    version: 5,
    bytes: frame(
      0x20,
      [0, 0],
      properties(
        [0x11, 0, 0, 0, 0, 0x12, ...text('i'), 0x13, 0, 60, 0x15, ...text('m'), 0x16, 0, 0, 0x1a, ...text('r'), 0x1c, ...text('s')],
        [...reason, 0x21, 0, 9, 0x22, 0, 0, 0x24, 1, 0x25, 1, ...user, 0x27, 0, 1, 0, 0, 0x28, 0, 0x29, 1, 0x2a, 0],
      ),
    ),
    packet: {
      type: CONNACK,
      sessionPresent: false,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: 0,
        assignedClientIdentifier: 'i',
        serverKeepAlive: 60,
        authenticationMethod: 'm',
        authenticationData: bytes(),
        responseInformation: 'r',
        serverReference: 's',
        ...reasonAndUser,
        receiveMaximum: 9,
        topicAliasMaximum: 0,
        maximumQoS: 1,
        retainAvailable: true,
        maximumPacketSize: 65536,
        wildcardSubscriptionAvailable: false,
        subscriptionIdentifierAvailable: true,
        sharedSubscriptionAvailable: false,
      },
    },
  },
];

/** CONNECT and CONNACK with their exact bytes. */
export const connectCases: readonly PacketCase[] = [...connects, ...connacks];
