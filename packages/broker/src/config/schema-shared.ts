import { z } from 'zod';
import { key, section } from './schema-key.ts';

const strategy = () =>
  z.enum(['round_robin', 'round_robin_per_group', 'random', 'sticky', 'local', 'hash_clientid', 'hash_topic', 'least_inflight']);

const group = z.strictObject({
  strategy: key('live', 'How a member is chosen, instead of sharedSubscriptions.strategy.', strategy().exactOptional()),
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
  groups: key(
    'live',
    'What is different for single groups, by the name in $share/name/filter.',
    z.record(z.string().regex(/^[^/+#\0]{1,65535}$/, 'is not the name of a group: no /, + or #'), group).prefault({}),
  ),
});
