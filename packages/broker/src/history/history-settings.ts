import { isSystemTopic } from '#topic/topic-name.ts';
import { matches } from '#topic/topic-filter.ts';

/** What is kept of the topics of a filter, apart from the others. */
export interface HistoryRule {
  readonly filter: string;
  readonly enabled: boolean;
  readonly bytesMax: number;
  readonly ageMaxMs: number;
}

export interface HistorySettings {
  readonly enabled: boolean;
  readonly bytesMax: number;
  readonly ageMaxMs: number;
  readonly qos0BytesPerSecond: number;
  /** Filters of topics that are not kept. */
  readonly exclude: readonly string[];
  /** By name; the first one whose filter matches decides. */
  readonly rules: Readonly<Record<string, HistoryRule>>;
}

/** What decides where a message is kept. */
export type ShelfPlan = Pick<HistorySettings, 'enabled' | 'exclude' | 'rules'>;

/** Of everything that no rule is about. */
export const DEFAULT_SHELF = '';

/** The name of the shelf for a topic; null when it is not kept. */
export function shelfNameOf(settings: ShelfPlan, topic: string): string | null {
  if (!settings.enabled || isSystemTopic(topic)) return null;
  if (settings.exclude.some((filter) => matches(filter, topic))) return null;
  for (const [name, rule] of Object.entries(settings.rules)) {
    if (matches(rule.filter, topic)) return rule.enabled ? name : null;
  }
  return DEFAULT_SHELF;
}
