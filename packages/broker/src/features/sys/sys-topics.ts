import type { FeatureContext, RunningFeature } from '#hooks/feature.ts';

export interface SysSettings {
  readonly intervalSeconds: number | null;
}

export class SysTopics implements RunningFeature<SysSettings> {
  constructor(_context: FeatureContext<SysSettings>) {}
  reload(_settings: SysSettings): void {}
  stop(): void {}
}
