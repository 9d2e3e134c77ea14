import { defineFeature } from '#hooks/feature.ts';
import { ExclusiveSubscriptions, type ExclusiveSettings } from './exclusive-subscriptions.ts';

/** `$exclusive/filter`: one subscriber at a time. */
export const exclusive = defineFeature<ExclusiveSettings, ExclusiveSubscriptions>({
  name: 'exclusive',
  section: 'exclusiveSubscriptions',
  start: (context) => new ExclusiveSubscriptions(context),
});
