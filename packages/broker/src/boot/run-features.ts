import type { Config } from '#config/schema.ts';
import { assert } from '#base/errors.ts';
import { features } from '#features/index.ts';
import type { FeatureContext, RunningFeature, Statistics } from '#hooks/feature.ts';
import { createMessage } from '#message/message.ts';
import type { Kernel } from './kernel.ts';

interface Running {
  readonly section: string;
  readonly feature: RunningFeature<unknown>;
}

/** The features of one broker while it runs. */
export class RunningFeatures {
  readonly #running: readonly Running[];

  constructor(kernel: Kernel, config: Config) {
    this.#running = features.map((feature) => {
      const context = contextOf(kernel, feature.name, sectionOf(config, feature.section));
      return { section: feature.section, feature: feature.start(context) };
    });
  }

  reload(config: Config): void {
    for (const { section, feature } of this.#running) feature.reload(sectionOf(config, section));
  }

  /** In reverse order, so that nobody loses what it stands on. */
  stop(): void {
    for (const { feature } of this.#running.toReversed()) feature.stop();
  }
}

/** A feature's own settings: its folder and the schema agree on what they are. */
function sectionOf(config: Config, section: string): never {
  assert(section in config, `the configuration has a section ${section}`);
  return config[section as keyof Config] as never;
}

function contextOf<Settings>(kernel: Kernel, name: string, settings: Settings): FeatureContext<Settings> {
  const { log, clock, counters, hooks } = kernel;
  return {
    settings,
    log,
    clock,
    counters,
    on: (point, hook) => hooks.register(name, point, hook),
    publish: (fields) => {
      const message = createMessage({ ...fields, publisher: name, receivedAtMs: clock.wallMs() });
      kernel.publisher.publish(message, null, null);
    },
    publishValue: (fields) => {
      kernel.publisher.publishValue(createMessage({ ...fields, retain: true, publisher: name, receivedAtMs: clock.wallMs() }));
    },
    statistics: () => statisticsOf(kernel),
  };
}

/** Counted on demand: a walk over the sessions, so not for every message. */
export function statisticsOf({ table, sessions, router, retained, store }: Kernel): Statistics {
  let sessionsDisconnected = 0;
  let queuedMessages = 0;
  let queuedBytes = 0;
  for (const session of sessions) {
    if (!session.isConnected) sessionsDisconnected += 1;
    queuedMessages += session.waiting;
    queuedBytes += session.queuedBytes;
  }
  return {
    connections: table.size,
    sessions: sessions.size,
    sessionsDisconnected,
    subscriptions: router.subscriptions,
    sharedSubscriptions: router.sharedSubscriptions,
    retainedMessages: retained.count,
    retainedBytes: retained.bytes,
    queuedMessages,
    queuedBytes,
    storeBytes: store.statistics().bytesOnDisk,
  };
}
