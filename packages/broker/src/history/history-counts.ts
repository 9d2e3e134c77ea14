/** Why a message was not kept. */
export const gapReasons = ['qos0-budget', 'disk-slow', 'disk-refused', 'too-large', 'damaged'] as const;
export type GapReason = (typeof gapReasons)[number];

/** What the history counts since the start. */
export class HistoryCounts {
  messages = 0;
  segmentsDeleted = 0;
  readonly gaps: Record<GapReason, number> = { 'qos0-budget': 0, 'disk-slow': 0, 'disk-refused': 0, 'too-large': 0, damaged: 0 };
}

/** What there is of history. */
export interface HistoryStatistics {
  /** The offsets of the oldest message that is written and of the newest; null when there is none. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
  /** How many are kept, those in memory included. */
  readonly messages: number;
  /** On disk, indexes included. */
  readonly bytes: number;
  readonly segments: number;
  /** When the oldest one that is written was published, milliseconds since 1970; null when there is none. */
  readonly oldestMs: number | null;
  /** How many messages were appended since the start. */
  readonly appended: number;
  /** How many were not kept since the start, or found damaged, and why. */
  readonly gaps: Readonly<Record<GapReason, number>>;
  readonly segmentsDeleted: number;
}
