import {
  type AcknowledgementName,
  acknowledgementBytes,
  authBytes,
  connectBytes,
  disconnectBytes,
  pingreqBytes,
  type ProtocolVersion,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
} from '@wrenmq/testkit';

export interface NamedPacket {
  readonly name: string;
  readonly bytes: Buffer;
}

const publishProperties = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 60,
  topicAlias: 1,
  responseTopic: 'answer/é',
  correlationData: Buffer.from([1, 2, 3]),
  userProperties: [['name', 'value']] as [string, string][],
  contentType: 'text/plain',
};
const willProperties = {
  willDelayInterval: 5,
  payloadFormatIndicator: 0,
  contentType: 'x',
  userProperties: [['a', 'b']] as [string, string][],
};
const connectProperties = {
  sessionExpiryInterval: 60,
  receiveMaximum: 10,
  maximumPacketSize: 1000,
  topicAliasMaximum: 3,
  requestResponseInformation: 0,
  requestProblemInformation: 1,
  userProperties: [['k', 'v']] as [string, string][],
};

/** A CONNECT with everything that it can have. */
export function fullConnect(version: ProtocolVersion, clientId: string): Buffer {
  return connectBytes(version, {
    clientId,
    keepAlive: 60,
    userName: 'someone',
    password: Buffer.from([0, 255, 1]),
    will: { topic: 'will/é', payload: 'gone', qos: 1, retain: false, properties: willProperties },
    properties: connectProperties,
  });
}

/** One of every packet that a connected client may send, with every property that it may have. */
export function packetsOf(version: ProtocolVersion): readonly NamedPacket[] {
  const properties = { reasonString: 'why', userProperties: [['k', 'v']] as [string, string][] };
  const acknowledgement = (name: AcknowledgementName, reasonCode: number): NamedPacket => ({
    name: name.toUpperCase(),
    bytes: version === 5 ? acknowledgementBytes(name, 300, reasonCode, properties) : acknowledgementBytes(name, 300),
  });
  const list: NamedPacket[] = [
    { name: 'PUBLISH QoS 0', bytes: publishBytes(version, { topic: 'a/é', payload: 'hello', properties: publishProperties }) },
    {
      name: 'PUBLISH QoS 1',
      bytes: publishBytes(version, { topic: 'a/é', payload: 'hello', qos: 1, packetId: 300, properties: publishProperties }),
    },
    { name: 'PUBLISH QoS 2', bytes: publishBytes(version, { topic: 'a/é', payload: '', qos: 2, packetId: 301, retain: true, dup: true }) },
    acknowledgement('puback', 0x10),
    acknowledgement('pubrec', 0x10),
    acknowledgement('pubrel', 0x92),
    acknowledgement('pubcomp', 0x92),
    {
      name: 'SUBSCRIBE',
      bytes: subscribeBytes(
        version,
        302,
        [
          { filter: 'x/+/é', qos: 1 },
          { filter: 'y/#', qos: 2 },
        ],
        { subscriptionIdentifiers: [200], userProperties: [['k', 'v']] },
      ),
    },
    { name: 'UNSUBSCRIBE', bytes: unsubscribeBytes(version, 303, ['x/+/é', 'y/#'], { userProperties: [['k', 'v']] }) },
    { name: 'PINGREQ', bytes: pingreqBytes() },
    {
      name: 'DISCONNECT',
      bytes: version === 5 ? disconnectBytes(4, { reasonString: 'why', sessionExpiryInterval: 1 }) : disconnectBytes(),
    },
  ];
  if (version === 5)
    list.push({ name: 'AUTH', bytes: authBytes(0x19, { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from('x') }) });
  return list;
}
