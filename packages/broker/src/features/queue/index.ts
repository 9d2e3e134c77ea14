import { defineFeature } from '#hooks/feature.ts';
import { QueuePrefix } from './queue-prefix.ts';

/** `$queue/filter`: the shared subscription of a group without a name of its own. */
export const queue = defineFeature<unknown, QueuePrefix>({
  name: 'queue',
  section: 'sharedSubscriptions',
  start: (context) => new QueuePrefix(context),
});
