import type { ShareStrategyName, StickyInitialPick, StrategyChoice } from './share-strategy.ts';

/** What may be said of one group, by its name; what is not said holds as for all. */
export interface GroupSettings {
  readonly strategy?: ShareStrategyName;
}

/** The settings of shared subscriptions. */
export interface ShareSettings {
  readonly strategy: ShareStrategyName;
  readonly stickyInitialPick: StickyInitialPick;
  readonly groups: Readonly<Record<string, GroupSettings>>;
}

/** How a group chooses its members. */
export function strategyFor(settings: ShareSettings, group: string): StrategyChoice {
  const { strategy, stickyInitialPick, groups } = settings;
  return { strategy: groups[group]?.strategy ?? strategy, stickyInitialPick };
}
