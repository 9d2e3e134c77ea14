import { defineFeature } from '#hooks/feature.ts';
import { AutoSubscribe, type AutoSubscribeSettings } from './auto-subscribe.ts';

/** Subscriptions that are made for every client when it connects. */
export const autoSubscribe = defineFeature<AutoSubscribeSettings, AutoSubscribe>({
  name: 'autoSubscribe',
  section: 'autoSubscribe',
  start: (context) => new AutoSubscribe(context),
});
