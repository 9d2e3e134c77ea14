import type { MetricSample } from '#api/metrics-table.ts';
import { gapReasons, type HistoryStatistics } from '#history/history-counts.ts';
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
    { name: 'wrenmq_retained_history_messages', value: statistics.retainedHistoryMessages },
    { name: 'wrenmq_retained_history_bytes', value: statistics.retainedHistoryBytes },
    { name: 'wrenmq_delayed_messages', value: statistics.delayedMessages },
    { name: 'wrenmq_store_bytes', value: statistics.storeBytes },
  ];
}

/** What the history holds and could not keep, as metrics. */
export function historySamples({ messages, bytes, segments, oldestMs, appended, gaps }: HistoryStatistics): MetricSample[] {
  return [
    { name: 'wrenmq_history_messages', value: messages },
    { name: 'wrenmq_history_bytes', value: bytes },
    { name: 'wrenmq_history_segments', value: segments },
    { name: 'wrenmq_history_oldest_timestamp_seconds', value: (oldestMs ?? 0) / 1000 },
    { name: 'wrenmq_history_kept_total', value: appended },
    ...gapReasons.map((reason) => ({ name: 'wrenmq_history_missed_total' as const, value: gaps[reason], labels: { reason } })),
  ];
}

/** All shared subscriptions together, and each group that the configuration names: other names are clients' own, and no labels. */
export function sharedGroupSamples(groups: readonly SharedGroupStatistics[], configured: readonly string[]): MetricSample[] {
  const all = sumOf(groups);
  const durable = groups.filter(({ isDurable }) => isDurable).length;
  const samples: MetricSample[] = [
    { name: 'wrenmq_shared_groups', value: durable, labels: { kind: 'durable' } },
    { name: 'wrenmq_shared_groups', value: groups.length - durable, labels: { kind: 'other' } },
    { name: 'wrenmq_shared_members', value: all.connected, labels: { state: 'connected' } },
    { name: 'wrenmq_shared_members', value: all.away, labels: { state: 'disconnected' } },
    { name: 'wrenmq_shared_waiting_messages', value: all.waiting },
    { name: 'wrenmq_shared_waiting_bytes', value: all.waitingBytes },
    { name: 'wrenmq_shared_oldest_seconds', value: all.oldestMs / 1000 },
  ];
  for (const group of configured) {
    const own = sumOf(groups.filter((one) => one.group === group));
    samples.push(
      { name: 'wrenmq_shared_group_members', value: own.connected, labels: { group, state: 'connected' } },
      { name: 'wrenmq_shared_group_members', value: own.away, labels: { group, state: 'disconnected' } },
      { name: 'wrenmq_shared_group_waiting_messages', value: own.waiting, labels: { group } },
      { name: 'wrenmq_shared_group_oldest_seconds', value: own.oldestMs / 1000, labels: { group } },
    );
  }
  return samples;
}

function sumOf(groups: readonly SharedGroupStatistics[]) {
  const sum = { connected: 0, away: 0, waiting: 0, waitingBytes: 0, oldestMs: 0 };
  for (const { members, membersConnected, waiting, waitingBytes, oldestWaitingMs } of groups) {
    sum.connected += membersConnected;
    sum.away += members - membersConnected;
    sum.waiting += waiting;
    sum.waitingBytes += waitingBytes;
    sum.oldestMs = Math.max(sum.oldestMs, oldestWaitingMs ?? 0);
  }
  return sum;
}
