import type { OverflowPolicy } from '#session/house.ts';
import type { ShareStrategyName, StickyInitialPick, StrategyChoice } from './share-strategy.ts';

/** What may be said of one group, by its name; what is not said holds as for all. */
export interface GroupSettings {
  readonly strategy?: ShareStrategyName;
  readonly deliveriesMax?: number;
  readonly deadLetterTopic?: string;
}

/** The settings of shared subscriptions. */
export interface ShareSettings {
  readonly strategy: ShareStrategyName;
  readonly stickyInitialPick: StickyInitialPick;
  /** Whether a group whose members all outlive their connections has a queue of its own. */
  readonly durableGroups: boolean;
  /** Bounds of one group's queue. */
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly overflow: OverflowPolicy;
  /** How long a member may be away before others get what it has not finished. */
  readonly redeliverAfterMs: number;
  /** After so many deliveries that came to nothing a message is given up. */
  readonly deliveriesMax: number;
  /** Where it goes then; null: it is dropped. */
  readonly deadLetterTopic: string | null;
  readonly groups: Readonly<Record<string, GroupSettings>>;
}

/** How a group chooses its members. */
export function strategyFor(settings: ShareSettings, group: string): StrategyChoice {
  const { strategy, stickyInitialPick, groups } = settings;
  return { strategy: groups[group]?.strategy ?? strategy, stickyInitialPick };
}

/** When a group gives a message up, and where it goes then. */
export function limitsFor(settings: ShareSettings, group: string): Pick<ShareSettings, 'deliveriesMax' | 'deadLetterTopic'> {
  const own = settings.groups[group];
  return {
    deliveriesMax: own?.deliveriesMax ?? settings.deliveriesMax,
    deadLetterTopic: own?.deadLetterTopic ?? settings.deadLetterTopic,
  };
}
