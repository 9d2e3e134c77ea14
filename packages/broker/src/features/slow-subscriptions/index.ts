import { defineFeature } from '#hooks/feature.ts';
import { SlowSubscriptions, type SlowSubscriptionsSettings } from './slow-subscriptions.ts';

/** The slowest deliveries, and why. */
export const slowSubscriptions = defineFeature<SlowSubscriptionsSettings, SlowSubscriptions>({
  name: 'slowSubscriptions',
  section: 'slowSubscriptions',
  start: (context) => new SlowSubscriptions(context),
});
