import type { Clock } from '#base/clock.ts';
import type { Counters } from '#base/counters.ts';
import type { Logger } from '#base/logger.ts';
import type { MessageFields } from '#message/message.ts';
import type { HookPoint, HookPoints } from './points.ts';

/** What the broker holds at this moment. */
export interface Statistics {
  readonly connections: number;
  readonly sessions: number;
  readonly sessionsDisconnected: number;
  /** Members of shared subscriptions included. */
  readonly subscriptions: number;
  readonly sharedSubscriptions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly storeBytes: number;
}

/** The whole world of a feature. */
export interface FeatureContext<Settings> {
  /** The feature's own settings at the start; `RunningFeature.reload` tells of later ones. */
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Adds a hook, at the feature's place in hooks/order.ts. */
  on<Point extends HookPoint>(point: Point, hook: HookPoints[Point]): void;
  /** Publishes a message in the feature's name, past authorization. The topic must be a valid topic name. */
  publish(message: Omit<MessageFields, 'publisher' | 'receivedAtMs'>): void;
  /**
   * Publishes a value of a topic as it is now and keeps it in memory: whoever subscribes later gets the last one as a
   * retained message, and nothing is written to disk. An empty payload ends it. For what is made anew at every start.
   */
  publishValue(message: Omit<MessageFields, 'publisher' | 'receivedAtMs' | 'retain'>): void;
  statistics(): Statistics;
}

/** A feature that runs. */
export interface RunningFeature<Settings> {
  /** The configuration was read again. */
  reload(settings: Settings): void;
  stop(): void;
}

/** A feature: a folder of its own, known to the rest of the house by this alone. */
export interface Feature<Settings> {
  readonly name: string;
  /** The section of the configuration that is its own. */
  readonly section: string;
  start(context: FeatureContext<Settings>): RunningFeature<Settings>;
}

/** States a feature; for the types only. */
export function defineFeature<Settings>(feature: Feature<Settings>): Feature<Settings> {
  return feature;
}
