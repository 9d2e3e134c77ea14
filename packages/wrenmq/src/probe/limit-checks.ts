import { type ConnackProperties, encodePacket, PacketType } from '@wrenmq/codec';
import type { Check, CheckGroup, Finding } from './check.ts';
import { EXPIRY_MAX, hex, KEEP_ALIVE_MAX, type ProbeRoom } from './probe-room.ts';

type LimitName = Exclude<keyof ConnackProperties, 'userProperties' | 'authenticationData' | 'reasonString'>;

/** What CONNACK says, or leaves out, which says something too. */
function announced(key: LimitName, title: string, absent: Finding['value'], meaning: string): Check {
  return {
    key,
    title,
    versions: [5],
    async ask(room) {
      const value = (await room.announcement()).properties?.[key];
      return value === undefined ? { value: absent, note: meaning } : { value: value as Finding['value'] };
    },
  };
}

const STANDARD = 'not announced: as the standard has it';

/** The largest of ascending sizes that a broker takes. */
async function largest(sizes: readonly number[], attempt: (size: number) => Promise<string | null>): Promise<Finding> {
  let taken = 0;
  for (const size of sizes) {
    const refusal = await attempt(size).catch((error: Error) => error.message);
    if (refusal !== null) return { value: taken, note: `${size}: ${refusal}` };
    taken = size;
  }
  return { value: taken, note: 'more was not tried' };
}

async function publishOnce(room: ProbeRoom, topic: string, payloadBytes: number): Promise<string | null> {
  const { session } = await room.connect();
  const reasonCode = await session.publish({ topic, payload: new Uint8Array(payloadBytes) });
  session.disconnect();
  return reasonCode >= 0x80 ? `PUBACK ${hex(reasonCode)}` : null;
}

const clientIdBytes: Check = {
  key: 'clientIdBytes',
  title: 'client id, bytes',
  ask: (room) =>
    largest([23, 64, 256, 1024, 65_535], async (size) => {
      const { session } = await room.connect({ clientId: room.clientId().padEnd(size, 'i') });
      session.disconnect();
      return null;
    }),
};

const topicBytes: Check = {
  key: 'topicBytes',
  title: 'topic name, bytes',
  ask: (room) => largest([128, 1024, 4096, 16_384, 65_535], (size) => publishOnce(room, room.topic().padEnd(size, 't'), 0)),
};

const topicLevels: Check = {
  key: 'topicLevels',
  title: 'topic levels',
  ask: (room) =>
    largest([10, 100, 128, 200, 1000], (levels) => {
      const topic = room.topic();
      return publishOnce(room, topic + '/l'.repeat(levels - topic.split('/').length), 0);
    }),
};

/** More than the topic and the header of a probe's message need. */
const TOPIC_AND_HEADER_BYTES = 100;

const payloadBytes: Check = {
  key: 'payloadBytes',
  title: 'payload, bytes',
  async ask(room) {
    const { session, connack } = await room.connect();
    session.disconnect();
    // What is announced is taken at its word, and the last size is one that must pass.
    const fitting = (connack.properties?.maximumPacketSize ?? Infinity) - TOPIC_AND_HEADER_BYTES;
    const sizes = [1024, 16_384, 65_536, 262_144, 1_048_576, 16_777_216].filter((size) => size < room.payloadMax && size < fitting);
    return largest([...sizes, Math.min(room.payloadMax, fitting)], (size) => publishOnce(room, room.topic(), size));
  },
};

const filtersPerSubscribe: Check = {
  key: 'filtersPerSubscribe',
  title: 'filters in one SUBSCRIBE',
  ask: (room) =>
    largest([1, 8, 32, 100, 1000], async (count) => {
      const { session } = await room.connect();
      const subscription = { qos: 0 as const, noLocal: false, retainAsPublished: false, retainHandling: 0 as const };
      const filters = Array.from({ length: count }, () => ({ filter: room.topic(), ...subscription }));
      session.send({ type: PacketType.SUBSCRIBE, packetId: 1, filters });
      const { reasonCodes } = await session.expect(PacketType.SUBACK);
      session.disconnect();
      const refused = reasonCodes.find((code) => code >= 0x80);
      return refused === undefined ? null : `SUBACK ${hex(refused)}`;
    }),
};

/** The most unfinished messages that are sent to see whether a Receive Maximum is enforced. */
const RECEIVE_MAXIMUM_TRIED = 2000;

const receiveMaximumEnforced: Check = {
  key: 'receiveMaximumEnforced',
  title: 'enforces its Receive Maximum',
  versions: [5],
  async ask(room) {
    const { session, connack } = await room.connect();
    const maximum = connack.properties?.receiveMaximum ?? 65_535;
    if (maximum > RECEIVE_MAXIMUM_TRIED) return { value: null, note: `not tried: it is ${maximum}` };
    const message = { type: PacketType.PUBLISH, topic: room.topic(), payload: new Uint8Array(0), retain: false, dup: false };
    // QoS 2 without PUBREL: none of them is finished.
    for (let packetId = 1; packetId <= maximum + 1; packetId += 1) session.send({ ...message, qos: 2, packetId });
    const disconnect = session.next(({ type }) => type === PacketType.DISCONNECT || type === PacketType.PINGRESP);
    session.send({ type: PacketType.PINGREQ });
    const answer = await disconnect;
    if (answer === null) return { value: true, note: 'closes without a word' };
    if (answer.type === PacketType.DISCONNECT) return { value: true, note: `DISCONNECT ${hex(answer.reasonCode)}` };
    return { value: false };
  },
};

const clientReceiveMaximum: Check = {
  key: 'clientReceiveMaximum',
  title: "keeps the client's Receive Maximum",
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const [count, maximum] = [5, 2];
    const subscriber = await room.subscriber(topic, { properties: { receiveMaximum: maximum } });
    const publisher = await room.connect();
    for (let index = 0; index < count; index += 1) await publisher.session.publish({ topic });
    // Nothing is acknowledged, so no sentinel could come through at QoS 1.
    const unfinished = (await subscriber.session.settle(PacketType.PUBLISH)).length;
    return {
      value: unfinished <= maximum,
      note: `${unfinished} of ${count} messages came before an acknowledgement, ${maximum} were allowed`,
    };
  },
};

const packetSizeEnforced: Check = {
  key: 'packetSizeEnforced',
  title: 'refuses a larger packet at its header',
  versions: [5],
  async ask(room) {
    const { session, connack } = await room.connect();
    const maximum = connack.properties?.maximumPacketSize;
    if (maximum === undefined) return { value: null, note: 'not tried: it announces none' };
    const whole = encodePacket(
      { type: PacketType.PUBLISH, topic: room.topic(), payload: new Uint8Array(maximum), qos: 0, retain: false, dup: false, packetId: 0 },
      5,
    );
    // The header promises it; it is never sent.
    session.sendBytes(whole.subarray(0, 1024));
    const answer = await session.next(({ type }) => type === PacketType.DISCONNECT, 1000).catch(() => undefined);
    if (answer === undefined) return { value: false, note: 'reads on' };
    return { value: true, note: answer?.type === PacketType.DISCONNECT ? `DISCONNECT ${hex(answer.reasonCode)}` : 'closes without a word' };
  },
};

const clientPacketSize: Check = {
  key: 'clientPacketSize',
  title: "keeps the client's Maximum Packet Size",
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const subscriber = await room.subscriber(topic, { properties: { maximumPacketSize: 256 } });
    const publisher = await room.connect();
    await publisher.session.publish({ topic, payload: new Uint8Array(512) });
    return { value: (await room.receivedBeforeSentinel(subscriber.session, publisher.session, topic)).length === 0 };
  },
};

export const announcedLimits: CheckGroup = {
  title: 'Limits that it announces (MQTT 5)',
  checks: [
    announced('receiveMaximum', 'Receive Maximum', 65_535, STANDARD),
    announced('maximumQoS', 'Maximum QoS', 2, STANDARD),
    announced('retainAvailable', 'retained messages', true, STANDARD),
    announced('maximumPacketSize', 'Maximum Packet Size, bytes', 'none', STANDARD),
    announced('topicAliasMaximum', 'Topic Alias Maximum', 0, STANDARD),
    announced('wildcardSubscriptionAvailable', 'wildcard subscriptions', true, STANDARD),
    announced('subscriptionIdentifierAvailable', 'subscription identifiers', true, STANDARD),
    announced('sharedSubscriptionAvailable', 'shared subscriptions', true, STANDARD),
    announced('serverKeepAlive', 'Server Keep Alive, seconds', KEEP_ALIVE_MAX, 'what was asked for'),
    announced('sessionExpiryInterval', 'Session Expiry Interval, seconds', EXPIRY_MAX, 'what was asked for: never'),
    announced('assignedClientIdentifier', 'assigns a client id', false, 'none was assigned'),
    announced('responseInformation', 'Response Information', false, 'none, though asked for'),
    announced('serverReference', 'Server Reference', false, 'none'),
    announced('authenticationMethod', 'authentication method', false, 'none'),
  ],
};

export const triedLimits: CheckGroup = {
  title: 'Limits found by trying',
  checks: [
    clientIdBytes,
    topicBytes,
    topicLevels,
    payloadBytes,
    filtersPerSubscribe,
    receiveMaximumEnforced,
    clientReceiveMaximum,
    packetSizeEnforced,
    clientPacketSize,
  ],
};
