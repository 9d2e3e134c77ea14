import type { MetricSample } from '#api/metrics-table.ts';
import type { Statistics } from '#hooks/feature.ts';

/** What the broker holds, as metrics. */
export function statisticsSamples(statistics: Statistics): MetricSample[] {
  const { subscriptions, sharedSubscriptions, exclusiveSubscriptions } = statistics;
  return [
    { name: 'wrenmq_sessions', value: statistics.sessions - statistics.sessionsDisconnected, labels: { state: 'connected' } },
    { name: 'wrenmq_sessions', value: statistics.sessionsDisconnected, labels: { state: 'disconnected' } },
    { name: 'wrenmq_subscriptions', value: subscriptions - sharedSubscriptions - exclusiveSubscriptions, labels: { kind: 'own' } },
    { name: 'wrenmq_subscriptions', value: sharedSubscriptions, labels: { kind: 'shared' } },
    { name: 'wrenmq_subscriptions', value: exclusiveSubscriptions, labels: { kind: 'exclusive' } },
    { name: 'wrenmq_queued_messages', value: statistics.queuedMessages },
    { name: 'wrenmq_queued_bytes', value: statistics.queuedBytes },
    { name: 'wrenmq_retained_messages', value: statistics.retainedMessages },
    { name: 'wrenmq_retained_bytes', value: statistics.retainedBytes },
    { name: 'wrenmq_store_bytes', value: statistics.storeBytes },
  ];
}
