import type { Config } from '#config/schema.ts';
import type { Feature, FeatureContext } from '#hooks/feature.ts';
import { sys } from './sys/index.ts';

/** A feature with the part of the configuration that is its own, whatever its type. */
export interface ListedFeature {
  readonly name: string;
  start(config: Config, contextOf: <Settings>(settings: Settings) => FeatureContext<Settings>): RunningListedFeature;
}

export interface RunningListedFeature {
  reload(config: Config): void;
  stop(): void;
}

/** All features, in boot order. */
export const features: readonly ListedFeature[] = [list(sys, (config) => config.sys)];

function list<Settings>(feature: Feature<Settings>, settingsOf: (config: Config) => Settings): ListedFeature {
  return {
    name: feature.name,
    start(config, contextOf) {
      const running = feature.start(contextOf(settingsOf(config)));
      return { reload: (next) => running.reload(settingsOf(next)), stop: () => running.stop() };
    },
  };
}
