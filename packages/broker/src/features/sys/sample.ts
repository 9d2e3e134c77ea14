import type { Counters, DropReason } from '#base/counters.ts';
import type { SharedGroupStatistics, Statistics } from '#hooks/feature.ts';

/** What the broker refused to take is not a delivery that it dropped. */
const notDeliveries: ReadonlySet<DropReason> = new Set(['not-authorized', 'rejected', 'retained-full', 'retained-rate']);

/** Where the broker stands at one moment. */
export interface Sample {
  readonly uptimeMs: number;
  readonly wallMs: number;
  readonly counters: Counters;
  readonly statistics: Statistics;
  readonly sharedGroups: readonly SharedGroupStatistics[];
  /** JavaScript objects and the buffers that belong to them. */
  readonly heapBytes: number;
}

export function publishReceived(counters: Counters): number {
  return counters.publishReceivedQoS0 + counters.publishReceivedQoS1 + counters.publishReceivedQoS2;
}

export function publishSent(counters: Counters): number {
  return counters.publishSentQoS0 + counters.publishSentQoS1 + counters.publishSentQoS2;
}

/** Messages that were owed to a subscriber and did not reach it. */
export function publishDropped(counters: Counters): number {
  let sum = 0;
  for (const [reason, count] of Object.entries(counters.dropped)) if (!notDeliveries.has(reason as DropReason)) sum += count;
  return sum;
}
