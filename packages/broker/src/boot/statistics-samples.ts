import type { MetricSample } from '#api/metrics-table.ts';
import type { SharedGroupStatistics, Statistics } from '#hooks/feature.ts';

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
    { name: 'wrenmq_delayed_messages', value: statistics.delayedMessages },
    { name: 'wrenmq_store_bytes', value: statistics.storeBytes },
  ];
}

/** All shared subscriptions together: their names are no labels. */
export function sharedGroupSamples(groups: readonly SharedGroupStatistics[]): MetricSample[] {
  let [durable, waiting, bytes, oldestMs] = [0, 0, 0, 0];
  for (const group of groups) {
    if (group.isDurable) durable += 1;
    waiting += group.waiting;
    bytes += group.waitingBytes;
    oldestMs = Math.max(oldestMs, group.oldestWaitingMs ?? 0);
  }
  return [
    { name: 'wrenmq_shared_groups', value: durable, labels: { kind: 'durable' } },
    { name: 'wrenmq_shared_groups', value: groups.length - durable, labels: { kind: 'other' } },
    { name: 'wrenmq_shared_waiting_messages', value: waiting },
    { name: 'wrenmq_shared_waiting_bytes', value: bytes },
    { name: 'wrenmq_shared_oldest_seconds', value: oldestMs / 1000 },
  ];
}
