import { encodePacket, type Packet, PacketType, reasonName } from '@wrenmq/codec';
import type { WireSession } from '#wire/wire-session.ts';
import type { Check, CheckGroup, Finding } from './check.ts';
import { hex, type ProbeRoom, withWildcard } from './probe-room.ts';

/** The acknowledgements by which a broker can refuse without closing. */
const ANSWERS: ReadonlyMap<number, string> = new Map([
  [PacketType.CONNACK, 'CONNACK'],
  [PacketType.PUBACK, 'PUBACK'],
  [PacketType.PUBREC, 'PUBREC'],
  [PacketType.PUBCOMP, 'PUBCOMP'],
  [PacketType.SUBACK, 'SUBACK'],
  [PacketType.DISCONNECT, 'DISCONNECT'],
  [PacketType.AUTH, 'AUTH'],
]);

/** Sends what must be refused, and says how it was. */
async function refusalOf(session: WireSession, bytes: Uint8Array, isConnected = true): Promise<Finding> {
  session.sendBytes(bytes);
  // Who takes it without a word answers this.
  if (isConnected) session.sendBytes(encodePacket({ type: PacketType.PINGREQ }, session.version));
  const answer = await session.next(({ type }) => ANSWERS.has(type) || type === PacketType.PINGRESP);
  if (answer === null) return { value: 'closed without a word' };
  if (answer.type === PacketType.PINGRESP) return { value: 'ignored' };
  const code = reasonCodeOf(answer);
  const name = session.version === 5 ? ` ${reasonName(code)}` : '';
  const isRefused = code >= 0x80 || (session.version < 5 && code > 0);
  return { value: `${ANSWERS.get(answer.type)} ${hex(code)}${name}`, ...(isRefused ? {} : { note: 'not refused' }) };
}

function reasonCodeOf(packet: Packet): number {
  if (packet.type === PacketType.SUBACK) return packet.reasonCodes[0];
  return 'reasonCode' in packet ? packet.reasonCode : 0;
}

/** A refusal of what a connected client sends. */
function refusal(key: string, title: string, bytesOf: (room: ProbeRoom) => Uint8Array, versions?: Check['versions']): Check {
  return {
    key,
    title,
    ...(versions === undefined ? {} : { versions }),
    ask: async (room) => refusalOf((await room.connect()).session, bytesOf(room)),
  };
}

const message = { type: PacketType.PUBLISH, payload: new Uint8Array(0), qos: 0, retain: false, dup: false, packetId: 0 } as const;
const subscription = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

/** Where the protocol level stands in a CONNECT that is shorter than 128 bytes: after two bytes of header and `MQTT` with its length. */
const LEVEL_AT = 8;

const unknownVersion: Check = {
  key: 'refusesUnknownVersion',
  title: 'CONNECT, protocol level 6',
  async ask(room) {
    const bytes = encodePacket({ type: PacketType.CONNECT, version: 4, clientId: room.clientId(), cleanStart: true, keepAlive: 0 }, 4);
    bytes[LEVEL_AT] = 6;
    // In which form the answer comes is the broker's choice: an answer that one version cannot read is read by the other.
    const old = await refusalOf(await room.open(4), bytes, false).catch(() => null);
    return old ?? refusalOf(await room.open(5), bytes, false);
  },
};

const unknownAuthMethod: Check = {
  key: 'refusesUnknownAuthMethod',
  title: 'CONNECT, unknown authentication method',
  versions: [5],
  async ask(room) {
    const packet = room.connectPacket({ properties: { authenticationMethod: 'wrenmq-probe' } });
    return refusalOf(await room.open(), encodePacket(packet, 5), false);
  },
};

const withoutClientId: Check = {
  key: 'refusesEmptyClientIdWithSession',
  title: 'CONNECT, no client id but a session (3.1.1)',
  async ask(room) {
    const packet = room.connectPacket({ clientId: '', cleanStart: false, version: 4 });
    return refusalOf(await room.open(4), encodePacket(packet, 4), false);
  },
};

const firstPacket: Check = {
  key: 'refusesPublishBeforeConnect',
  title: 'PUBLISH before CONNECT',
  ask: async (room) => refusalOf(await room.open(), encodePacket({ ...message, topic: room.topic() }, room.version), false),
};

const topicAliasTooLarge: Check = {
  key: 'refusesTopicAlias',
  title: 'PUBLISH, topic alias over the maximum',
  versions: [5],
  async ask(room) {
    const { session, connack } = await room.connect();
    const maximum = connack.properties?.topicAliasMaximum ?? 0;
    if (maximum === 65_535) return { value: null, note: 'every alias is allowed' };
    return refusalOf(session, encodePacket({ ...message, topic: room.topic(), properties: { topicAlias: maximum + 1 } }, 5));
  },
};

export const refusals: CheckGroup = {
  title: 'How it refuses',
  checks: [
    unknownVersion,
    unknownAuthMethod,
    withoutClientId,
    firstPacket,
    refusal('refusesSecondConnect', 'a second CONNECT', (room) => encodePacket(room.connectPacket(), room.version)),
    refusal('refusesQoS3', 'PUBLISH, QoS 3', () => Uint8Array.of(0x36, 5, 0, 1, 0x61, 0, 1)),
    refusal('refusesReservedFlags', 'SUBSCRIBE, wrong flags', () => Uint8Array.of(0x80, 6, 0, 1, 0, 1, 0x61, 0)),
    refusal('refusesWildcardTopic', 'PUBLISH, wildcard in the topic', (room) =>
      withWildcard({ ...message, topic: `${room.topic()}/_` }, room.version),
    ),
    refusal('refusesInvalidFilter', 'SUBSCRIBE, invalid filter', (room) =>
      withWildcard({ type: PacketType.SUBSCRIBE, packetId: 1, filters: [{ ...subscription, filter: `${room.topic()}/a_` }] }, room.version),
    ),
    refusal('refusesUnknownPacketId', 'PUBREL, unknown packet identifier', (room) =>
      encodePacket({ type: PacketType.PUBREL, packetId: 4711, reasonCode: 0 }, room.version),
    ),
    topicAliasTooLarge,
  ],
};
