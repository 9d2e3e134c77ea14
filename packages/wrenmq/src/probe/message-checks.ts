import { PacketType, type PublishPacket, type QoS } from '@wrenmq/codec';
import type { Check, CheckGroup, Finding } from './check.ts';
import type { ProbeRoom } from './probe-room.ts';

const payload = Buffer.from('probe');

/** Time for what takes time, such as an expiry of one second. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

function roundTrip(qos: QoS): Check {
  return {
    key: `qos${qos}`,
    title: `QoS ${qos}`,
    async ask(room) {
      const topic = room.topic();
      const { session } = await room.connect();
      const { reasonCodes } = await session.subscribe(topic, { qos });
      if (reasonCodes[0] !== qos) return { value: false, note: `granted ${reasonCodes[0]}` };
      await session.publish({ topic, qos, payload });
      const message = await room.receive(session, topic);
      return { value: message?.qos === qos };
    },
  };
}

/** Retains a message and subscribes to it: what comes. */
async function retainedMessage(room: ProbeRoom, message: Partial<PublishPacket> = {}, waitMs = 0): Promise<PublishPacket | undefined> {
  const topic = room.topic();
  const publisher = await room.connect();
  await room.retain(publisher.session, { ...message, topic });
  if (waitMs > 0) await pass(waitMs);
  const subscriber = await room.subscriber(topic);
  return (await room.receivedBeforeRetained(subscriber.session, publisher.session, topic))[0];
}

const retained: Check = {
  key: 'retained',
  title: 'retained messages',
  ask: async (room) => ({ value: (await retainedMessage(room))?.retain === true }),
};

const retainedCleared: Check = {
  key: 'retainedCleared',
  title: 'an empty retained message clears the topic',
  async ask(room) {
    const topic = room.topic();
    const publisher = await room.connect();
    await room.retain(publisher.session, { topic });
    await room.retain(publisher.session, { topic, payload: new Uint8Array(0) });
    const subscriber = await room.subscriber(topic);
    return { value: (await room.receivedBeforeRetained(subscriber.session, publisher.session, topic)).length === 0 };
  },
};

const messageExpiry: Check = {
  key: 'messageExpiry',
  title: 'message expiry',
  versions: [5],
  async ask(room) {
    const [gone, alive] = await Promise.all([
      retainedMessage(room, { properties: { messageExpiryInterval: 1 } }, 2100),
      retainedMessage(room, { properties: { messageExpiryInterval: 100 } }),
    ]);
    const left = alive?.properties?.messageExpiryInterval;
    if (gone !== undefined) return { value: false, note: 'an expired message was delivered' };
    return { value: true, note: left === undefined ? 'what is left of the interval is not passed on' : `${left} s of 100 were passed on` };
  },
};

const properties: Check = {
  key: 'properties',
  title: 'passes on the properties of a message',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const { session } = await room.subscriber(topic);
    const sent = {
      payloadFormatIndicator: 1,
      contentType: 'text/plain',
      responseTopic: room.topic(),
      correlationData: Buffer.from('42'),
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
    } satisfies NonNullable<PublishPacket['properties']>;
    await session.publish({ topic, payload, properties: { ...sent, payloadFormatIndicator: 1 } });
    const came = (await room.receive(session, topic))?.properties ?? {};
    const missing = (Object.keys(sent) as (keyof typeof sent)[]).filter(
      (name) => JSON.stringify(came[name]) !== JSON.stringify(name === 'correlationData' ? new Uint8Array(sent[name]) : sent[name]),
    );
    return missing.length === 0 ? { value: true } : { value: false, note: `altered or lost: ${missing.join(', ')}` };
  },
};

const topicAlias: Check = {
  key: 'topicAlias',
  title: 'takes topic aliases',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const { session, connack } = await room.subscriber(topic);
    if ((connack.properties?.topicAliasMaximum ?? 0) === 0) return { value: false, note: 'it announces none' };
    await session.publish({ topic, payload, properties: { topicAlias: 1 } });
    await session.publish({ topic: '', payload, properties: { topicAlias: 1 } });
    await room.receive(session, topic);
    return { value: (await room.receive(session, topic)) !== null };
  },
};

const usesTopicAlias: Check = {
  key: 'usesTopicAlias',
  title: 'uses topic aliases towards the client',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const { session } = await room.subscriber(topic, { properties: { topicAliasMaximum: 10 } });
    for (let count = 0; count < 5; count += 1) await session.publish({ topic, payload });
    const messages = await session.settle(PacketType.PUBLISH);
    return { value: messages.some((message) => message.properties?.topicAlias !== undefined) };
  },
};

const noMatchingSubscribers: Check = {
  key: 'noMatchingSubscribers',
  title: 'tells that nobody subscribes (0x10)',
  versions: [5],
  async ask(room) {
    const { session } = await room.connect();
    return { value: (await session.publish({ topic: room.topic(), payload })) === 0x10 };
  },
};

const SYS_MESSAGES_SHOWN = 3;

const sys: Check = {
  key: 'sys',
  title: '$SYS topics',
  async ask(room) {
    const messages = await sysMessages(room);
    const topics = messages.slice(0, SYS_MESSAGES_SHOWN).map(({ topic }) => topic);
    return { value: messages.length > 0, ...(topics.length === 0 ? {} : { note: `${topics.join(', ')}, ...` }) };
  },
};

const product: Check = {
  key: 'product',
  title: 'product and version, from $SYS',
  async ask(room): Promise<Finding> {
    const texts = new Map((await sysMessages(room)).map((message) => [message.topic, Buffer.from(message.payload).toString()]));
    const plain = texts.get('$SYS/broker/version');
    if (plain !== undefined) return { value: plain };
    for (const [topic, text] of texts) {
      if (/^\$SYS\/brokers\/[^/]+\/version$/.test(topic)) return { value: `EMQX ${text}` };
      if (/^\$SYS\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\//.test(topic))
        return { value: 'aedes', note: 'told by its topics; they do not say the version' };
    }
    return { value: null, note: '$SYS does not say' };
  },
};

/** How long a broker may take to say something on $SYS that it does not retain. */
const SYS_PATIENCE_MS = 1500;

async function sysMessages(room: ProbeRoom): Promise<PublishPacket[]> {
  const { session } = await room.connect();
  const { reasonCodes } = await session.subscribe('$SYS/#', { qos: 0 });
  if (reasonCodes[0] >= 0x80) return [];
  const first = await session.next(({ type }) => type === PacketType.PUBLISH, SYS_PATIENCE_MS).catch(() => null);
  return first === null ? [] : [first as PublishPacket, ...(await session.settle(PacketType.PUBLISH))];
}

export const messages: CheckGroup = {
  title: 'Messages',
  checks: [
    roundTrip(0),
    roundTrip(1),
    roundTrip(2),
    retained,
    retainedCleared,
    messageExpiry,
    properties,
    topicAlias,
    usesTopicAlias,
    noMatchingSubscribers,
  ],
};

export const identity: CheckGroup = { title: 'Who it is', checks: [product, sys] };
