import { defineFeature } from '#hooks/feature.ts';
import { type SysSettings, SysTopics } from './sys-topics.ts';

/** `$SYS/broker/#` with mosquitto's names and `$SYS/brokers/#` with EMQX's. */
export const sys = defineFeature<SysSettings, SysTopics>({
  name: 'sys',
  section: 'sys',
  start: (context) => new SysTopics(context),
});
