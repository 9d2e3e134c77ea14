import type { FeatureSample } from '#hooks/feature.ts';
import type { TopicMetricReading } from './topic-metric.ts';

/** A topic metric as Prometheus reads it. */
export function metricSamples({ name: metric, unmatched, latencyMs, ...flows }: TopicMetricReading): FeatureSample[] {
  const samples: FeatureSample[] = [{ name: 'wrenmq_topic_unmatched_total', value: unmatched, labels: { metric } }];
  for (const direction of ['in', 'out', 'dropped'] as const) {
    const { qos0, qos1, qos2, bytes } = flows[direction];
    for (const [qos, value] of [qos0, qos1, qos2].entries()) {
      samples.push({ name: 'wrenmq_topic_messages_total', value, labels: { metric, direction, qos: String(qos) } });
    }
    samples.push({ name: 'wrenmq_topic_payload_bytes_total', value: bytes, labels: { metric, direction } });
  }
  if (latencyMs.count === 0) return samples;
  for (const [quantile, value] of [
    ['0.5', latencyMs.p50],
    ['0.95', latencyMs.p95],
    ['0.99', latencyMs.p99],
  ] as const) {
    samples.push({ name: 'wrenmq_topic_latency_seconds', value: value / 1000, labels: { metric, quantile } });
  }
  return samples;
}
