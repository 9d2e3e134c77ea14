import { defineFeature } from '#hooks/feature.ts';
import { TopicMetrics, type TopicMetricsSettings } from './topic-metrics.ts';

/** What goes through topics, by filter. */
export const topicMetrics = defineFeature<TopicMetricsSettings, TopicMetrics>({
  name: 'topicMetrics',
  section: 'topicMetrics',
  start: (context) => new TopicMetrics(context),
});
