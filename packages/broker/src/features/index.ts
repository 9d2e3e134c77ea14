import type { Feature } from '#hooks/feature.ts';
import { autoSubscribe } from './auto-subscribe/index.ts';
import { delayed } from './delayed/index.ts';
import { exclusive } from './exclusive/index.ts';
import { queue } from './queue/index.ts';
import { rewrite } from './rewrite/index.ts';
import { slowSubscriptions } from './slow-subscriptions/index.ts';
import { sys } from './sys/index.ts';
import { topicMetrics } from './topic-metrics/index.ts';

/** All features, in boot order. */
export const features: readonly Feature<never>[] = [
  delayed,
  sys,
  queue,
  rewrite,
  exclusive,
  autoSubscribe,
  topicMetrics,
  slowSubscriptions,
];
