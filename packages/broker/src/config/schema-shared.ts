import { z } from 'zod';
import { bytes, count, duration, key, section } from './schema-key.ts';

const strategy = () =>
  z.enum(['round_robin', 'round_robin_per_group', 'random', 'sticky', 'local', 'hash_clientid', 'hash_topic', 'least_inflight']);

const topicName = () =>
  z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[^+#\0]+$/, 'is not a topic name: no + or #');

const group = z.strictObject({
  strategy: key('live', 'How a member is chosen, instead of sharedSubscriptions.strategy.', strategy().exactOptional()),
  deliveriesMax: key('live', 'Instead of sharedSubscriptions.deliveriesMax.', count(1, 65_535, 'unlimited').exactOptional()),
  deadLetterTopic: key('live', 'Instead of sharedSubscriptions.deadLetterTopic.', topicName().exactOptional()),
});

export const sharedSubscriptions = section('Shared subscriptions, $share/group/filter: who of a group gets a message.', {
  strategy: key(
    'live',
    'How a member is chosen: round_robin (round_robin_per_group is the same), random, sticky (a publisher keeps its member), local (on the node of the publisher), hash_clientid and hash_topic (the same member for the same publisher or topic), least_inflight (the fewest unacknowledged messages).',
    strategy().prefault('round_robin'),
  ),
  stickyInitialPick: key(
    'live',
    "How sticky chooses a publisher's member: random, local, hash_clientid or hash_topic.",
    z.enum(['random', 'local', 'hash_clientid', 'hash_topic']).prefault('random'),
  ),
  durableGroups: key(
    'live',
    'Whether a group whose members all have durable sessions has a queue of its own on disk, from which whoever has room gets the next message; false: each member has its own.',
    z.boolean().prefault(true),
  ),
  queueMessagesMax: key(
    'live',
    'Messages in the queue of one durable group, 1 to 1000000000, or unlimited.',
    count(1, 1_000_000_000, 'unlimited').prefault('unlimited'),
  ),
  queueBytesMax: key(
    'live',
    'Bytes in the queue of one durable group, on disk, 1KiB to 16TiB, or unlimited. session.overflow says what gives way when it is full.',
    bytes({ min: '1KiB', max: '16TiB' }, 'unlimited').prefault('1GiB'),
  ),
  redeliverAfter: key(
    'live',
    'How long a member of a durable group may be away before others get what it has not acknowledged, 0s to 1d.',
    duration({ min: '0s', max: '1d' }).prefault('5s'),
  ),
  deliveriesMax: key(
    'live',
    'After so many deliveries to members of a durable group that were not acknowledged, 1 to 65535, or unlimited, a message is given up.',
    count(1, 65_535, 'unlimited').prefault('unlimited'),
  ),
  deadLetterTopic: key(
    'live',
    'The topic to which messages go that are given up, with the reason in user properties; null: they are dropped and counted.',
    topicName().nullable().prefault(null),
  ),
  groups: key(
    'live',
    'What is different for single groups, by the name in $share/name/filter.',
    z.record(z.string().regex(/^[^/+#\0]{1,65535}$/, 'is not the name of a group: no /, + or #'), group).prefault({}),
  ),
});
