import { PacketType } from '@wrenmq/codec';
import type { Check, CheckGroup, Finding } from './check.ts';
import { hex, type ProbeRoom } from './probe-room.ts';

function wildcard(key: string, title: string, filterOf: (topic: string) => string): Check {
  return {
    key,
    title,
    async ask(room) {
      const topic = room.topic();
      const { session } = await room.connect();
      const { reasonCodes } = await session.subscribe(filterOf(topic));
      if (reasonCodes[0] >= 0x80) return { value: false, note: `SUBACK ${hex(reasonCodes[0])}` };
      await session.publish({ topic: `${topic}/a/b` });
      return { value: (await room.receive(session, `${topic}/a/b`)) !== null };
    },
  };
}

/** Messages for two members of a group: each must reach one of them. */
const SHARED_MESSAGES = 6;

async function askShared(room: ProbeRoom, version: 4 | 5): Promise<Finding> {
  const topic = room.topic();
  const [one, other] = [await room.connect({ version }), await room.connect({ version })];
  const group = `$share/${room.clientId()}/${topic}`;
  for (const { session } of [one, other]) {
    const { reasonCodes } = await session.subscribe(group);
    if (reasonCodes[0] >= 0x80) return { value: false, note: `SUBACK ${hex(reasonCodes[0])}` };
  }
  const publisher = await room.connect({ version });
  for (let count = 0; count < SHARED_MESSAGES; count += 1) await publisher.session.publish({ topic });
  const shares: number[] = [];
  for (const { session } of [one, other]) shares.push((await room.receivedBeforeSentinel(session, publisher.session, topic)).length);
  const came = shares[0] + shares[1];
  if (came === SHARED_MESSAGES) return { value: true, note: `${SHARED_MESSAGES} messages: ${shares.join(' and ')}` };
  return { value: false, note: came === 0 ? 'accepted, but nothing comes' : `${came} messages came, ${SHARED_MESSAGES} were sent` };
}

const shared: Check = {
  key: 'sharedSubscriptions',
  title: 'shared subscriptions (MQTT 5)',
  versions: [5],
  ask: (room) => askShared(room, 5),
};

const shared311: Check = {
  key: 'sharedSubscriptions311',
  title: 'shared subscriptions (3.1.1)',
  ask: (room) => askShared(room, 4),
};

const subscriptionIdentifiers: Check = {
  key: 'subscriptionIdentifiers',
  title: 'subscription identifiers',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const { session } = await room.connect();
    const { reasonCodes } = await session.subscribe(topic, { subscriptionIdentifier: 7 });
    if (reasonCodes[0] >= 0x80) return { value: false, note: `SUBACK ${hex(reasonCodes[0])}` };
    await session.publish({ topic });
    const message = await room.receive(session, topic);
    return { value: message?.properties?.subscriptionIdentifiers?.[0] === 7 };
  },
};

const overlapping: Check = {
  key: 'overlappingSubscriptions',
  title: 'copies where two filters match',
  async ask(room) {
    const topic = room.topic();
    const { session } = await room.subscriber(topic);
    await session.subscribe(`${topic}/#`);
    const publisher = await room.connect();
    await publisher.session.publish({ topic });
    return { value: (await room.receivedBeforeSentinel(session, publisher.session, topic)).length };
  },
};

const noLocal: Check = {
  key: 'noLocal',
  title: 'No Local',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const { session } = await room.connect();
    await session.subscribe(topic, { noLocal: true });
    await session.publish({ topic });
    const publisher = await room.connect();
    return { value: (await room.receivedBeforeSentinel(session, publisher.session, topic)).length === 0 };
  },
};

const retainAsPublished: Check = {
  key: 'retainAsPublished',
  title: 'Retain As Published',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const { session } = await room.connect();
    await session.subscribe(topic, { retainAsPublished: true });
    await room.retain(session, { topic });
    return { value: (await room.receive(session, topic))?.retain === true };
  },
};

const handling: Check = {
  key: 'retainHandling',
  title: 'Retain Handling 1 and 2',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const publisher = await room.connect();
    await room.retain(publisher.session, { topic });
    const { session } = await room.connect();
    const counts: number[] = [];
    for (const retainHandling of [2, 1, 0, 1] as const) {
      await session.subscribe(topic, { retainHandling });
      counts.push((await room.receivedBeforeRetained(session, publisher.session, topic)).length);
    }
    // Never; not, because the subscription exists; yes; not again.
    const isRight = counts.join() === '0,0,1,0';
    return isRight ? { value: true } : { value: false, note: `deliveries with 2, 1, 0, 1: ${counts.join(', ')}` };
  },
};

const unsubscribeUnknown: Check = {
  key: 'noSubscriptionExisted',
  title: 'tells of a missing subscription (0x11)',
  versions: [5],
  async ask(room) {
    const { session } = await room.connect();
    session.send({ type: PacketType.UNSUBSCRIBE, packetId: 1, filters: [room.topic()] });
    const { reasonCodes } = await session.expect(PacketType.UNSUBACK);
    return { value: reasonCodes[0] === 0x11 };
  },
};

export const subscriptions: CheckGroup = {
  title: 'Subscriptions',
  checks: [
    wildcard('singleLevelWildcard', 'the wildcard +', (topic) => `${topic}/+/b`),
    wildcard('multiLevelWildcard', 'the wildcard #', (topic) => `${topic}/#`),
    shared,
    shared311,
    subscriptionIdentifiers,
    overlapping,
    noLocal,
    retainAsPublished,
    handling,
    unsubscribeUnknown,
  ],
};
