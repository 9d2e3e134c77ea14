import type { Config } from '#config/schema.ts';
import { assert } from '#base/errors.ts';
import { features } from '#features/index.ts';
import type {
  Feature,
  FeatureContext,
  FeatureSample,
  HeldSubscription,
  RunningFeature,
  SharedGroupStatistics,
  Statistics,
  UnfinishedDelivery,
} from '#hooks/feature.ts';
import { createMessage } from '#message/message.ts';
import { Outcome } from '#publish/publisher.ts';
import { Collection } from '#store/collection.ts';
import type { Kernel } from './kernel.ts';

interface Entry {
  readonly definition: Feature<never>;
  readonly feature: RunningFeature<unknown>;
}

/** The features of one broker while it runs. */
export class RunningFeatures {
  readonly #kernel: Kernel;
  readonly #running: Entry[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** One after the other, in boot order. */
  async start(config: Config): Promise<void> {
    for (const definition of features) {
      const feature = await definition.start(this.#contextOf(definition.name, sectionOf(config, definition.section)));
      this.#running.push({ definition, feature });
    }
  }

  reload(config: Config): void {
    for (const { definition, feature } of this.#running) feature.reload(sectionOf(config, definition.section));
  }

  /** A feature as it runs here. */
  get<Running extends RunningFeature<never>>(definition: Feature<never, Running>): Running {
    const found = this.#running.find((running) => running.definition === definition);
    assert(found !== undefined, 'the feature is listed in features/index.ts');
    return found.feature as unknown as Running;
  }

  /** Of the kernel, and of the features that are running so far. */
  statistics(): Statistics {
    return Object.assign(statisticsOf(this.#kernel), ...this.#running.map(({ feature }) => feature.statistics?.()));
  }

  /** What features measure, for Prometheus. */
  samples(): FeatureSample[] {
    return this.#running.flatMap(({ feature }) => feature.samples?.() ?? []);
  }

  /** In reverse order, so that nobody loses what it stands on. */
  stop(): void {
    for (const { feature } of this.#running.toReversed()) feature.stop();
  }

  #contextOf<Settings>(name: string, settings: Settings): FeatureContext<Settings> {
    const kernel = this.#kernel;
    const { log, clock, counters, hooks, port } = kernel;
    return {
      settings,
      log,
      clock,
      counters,
      clients: port.clients,
      on: (point, hook, interest) => hooks.register(name, point, hook, interest),
      publish: (fields) => {
        const message = createMessage({ ...fields, publisher: name, receivedAtMs: clock.wallMs() });
        kernel.publisher.publish(message, null, null);
      },
      forward: (message) => {
        const outcome = kernel.publisher.publish(message, kernel.sessions.get(message.publisher) ?? null, null);
        if (outcome < 0) return 'rejected';
        return (outcome & Outcome.Refused) === 0 ? 'published' : 'full';
      },
      mayPublish: (author, message) => port.mayPublish(author, message),
      collection: (collection) => new Collection(kernel.store, kernel.committer, `${name}/${collection}`),
      publishValue: (fields) => {
        kernel.publisher.publishValue(createMessage({ ...fields, retain: true, publisher: name, receivedAtMs: clock.wallMs() }));
      },
      announce: (topic, payload) => {
        kernel.publisher.announce(createMessage({ topic, payload, publisher: name, receivedAtMs: clock.wallMs() }));
      },
      statistics: () => this.statistics(),
      unfinished: () => unfinishedOf(kernel),
      subscriptions: () => subscriptionsOf(kernel),
      sharedGroups: () => sharedGroupsOf(kernel),
    };
  }
}

/** A feature's own settings: its folder and the schema agree on what they are. */
function sectionOf(config: Config, section: string): never {
  assert(section in config, `the configuration has a section ${section}`);
  return config[section as keyof Config] as never;
}

function* unfinishedOf({ sessions, clock }: Kernel): Generator<UnfinishedDelivery> {
  for (const session of sessions) {
    const delivery = session.isConnected ? session.inflight.oldest : null;
    if (delivery !== null) yield { clientId: session.clientId, delivery, tookMs: delivery.tookMs(session.attachedAtMs, clock.turnMs()) };
  }
}

function* subscriptionsOf({ sessions }: Kernel): Generator<HeldSubscription> {
  for (const session of sessions) {
    for (const { text, options } of session.subscriptions()) yield { clientId: session.clientId, filter: text, qos: options.qos };
  }
}

/** Counted on demand: a walk over the sessions, so not for every message. */
function statisticsOf({ table, sessions, router, retained, store, groupQueues }: Kernel): Statistics {
  let sessionsDisconnected = 0;
  let queuedMessages = 0;
  let queuedBytes = 0;
  for (const session of sessions) {
    if (!session.isConnected) sessionsDisconnected += 1;
    queuedMessages += session.waiting;
    queuedBytes += session.queuedBytes;
  }
  for (const queue of groupQueues) {
    queuedMessages += queue.waiting;
    queuedBytes += queue.bytes;
  }
  return {
    connections: table.size,
    sessions: sessions.size,
    sessionsDisconnected,
    subscriptions: router.subscriptions,
    sharedSubscriptions: router.sharedSubscriptions,
    exclusiveSubscriptions: 0,
    delayedMessages: 0,
    filters: router.filters,
    retainedMessages: retained.count,
    retainedBytes: retained.bytes,
    retainedHistoryMessages: retained.history.records,
    retainedHistoryBytes: retained.history.bytes,
    queuedMessages,
    queuedBytes,
    storeBytes: store.statistics().bytesOnDisk,
  };
}

export function sharedGroupsOf({ router, clock }: Kernel): SharedGroupStatistics[] {
  const nowMs = clock.wallMs();
  return Array.from(router.shares, (share) => share.statistics(nowMs));
}
