import { defineFeature } from '#hooks/feature.ts';
import { Delayed, type DelayedSettings } from './delayed.ts';

/** `$delayed/{seconds}/{topic}`: messages that are published later. */
export const delayed = defineFeature<DelayedSettings, Delayed>({
  name: 'delayed',
  section: 'delayed',
  start: (context) => Delayed.start(context),
});
