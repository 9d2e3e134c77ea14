import type { QoS } from '@wrenmq/codec';
import { matchedPart } from '#base/filter-prefix.ts';
import type { Consumer } from './consumer.ts';

/** A filter that the broker holds for us (or soon will), and who here wants its messages. */
export class HeldFilter {
  /** As the broker knows it. */
  readonly filter: string;
  /** Without its prefix. */
  readonly matched: string;
  readonly isShared: boolean;
  /** Empty after a restart, until somebody asks for what the stored session has subscribed to. */
  readonly consumers: Consumer[] = [];
  /** Those for whom the broker was last asked for its retained messages; empty: for all. */
  newcomers: Consumer[] = [];
  newcomersSinceMs = 0;
  isGranted = false;
  /** What the broker was asked for last. */
  qos: QoS = 0;
  noLocal = false;
  retainAsPublished = false;
  /** The last intent, which the session keeps; its identifier is the one that deliveries name. */
  intent: { readonly subscriptionIdentifier: number } | undefined;

  constructor(filter: string) {
    this.filter = filter;
    this.matched = matchedPart(filter);
    this.isShared = filter.startsWith('$share/');
  }

  /** Who gets a message of this filter. With Retain As Published a retained message cannot be told from a live one: all do. */
  receivers(isRetained: boolean): readonly Consumer[] {
    return isRetained && this.newcomers.length > 0 && !this.retainAsPublished ? this.newcomers : this.consumers;
  }

  leave(consumer: Consumer): void {
    for (const list of [this.consumers, this.newcomers]) {
      const index = list.indexOf(consumer);
      if (index >= 0) list.splice(index, 1);
    }
  }
}
