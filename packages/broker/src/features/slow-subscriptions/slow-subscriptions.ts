import type { Cancel } from '#base/clock.ts';
import type { FeatureContext, FeatureSample, RunningFeature } from '#hooks/feature.ts';
import { type Delivery, Obstacle } from '#message/delivery.ts';
import { type SlowCause, Slowest, type SlowSubscription } from './slowest.ts';

/** How often what has expired is taken out, and who does not acknowledge at all is looked for. */
const SWEEP_MS = 10_000;

export interface SlowSubscriptionsSettings {
  readonly enabled: boolean;
  readonly thresholdMs: number;
  readonly expireAfterMs: number;
  readonly entriesMax: number;
  readonly statistics: 'whole' | 'internal' | 'response';
}

const causes = {
  [Obstacle.Client]: 'client',
  [Obstacle.Inflight]: 'inflight',
  [Obstacle.Queue]: 'queue',
} as const;

/** Times deliveries, and keeps the slowest. Disabled it has no hook and no timer, and costs nothing. */
export class SlowSubscriptions implements RunningFeature<SlowSubscriptionsSettings> {
  readonly #context: FeatureContext<SlowSubscriptionsSettings>;
  #settings: SlowSubscriptionsSettings;
  #slowest: Slowest;
  #withdraw: (() => void) | null = null;
  #cancelSweep: Cancel | null = null;

  constructor(context: FeatureContext<SlowSubscriptionsSettings>) {
    this.#context = context;
    this.#settings = context.settings;
    this.#slowest = new Slowest(context.settings.entriesMax);
    this.reload(context.settings);
  }

  /** What is listed stays, as far as it still belongs there. */
  reload(settings: SlowSubscriptionsSettings): void {
    const before = this.#settings;
    const listed = this.#slowest;
    this.#settings = settings;
    this.#slowest = new Slowest(settings.entriesMax);
    if (settings.enabled && settings.statistics === before.statistics) this.#slowest.take(listed, settings.thresholdMs);
    if (this.#withdraw !== null && settings.enabled && settings.thresholdMs === before.thresholdMs) return;
    this.stop();
    if (settings.enabled) this.#begin();
  }

  stop(): void {
    this.#withdraw?.();
    this.#withdraw = null;
    this.#cancelSweep?.();
    this.#cancelSweep = null;
  }

  /** The slowest first; who has not acknowledged yet is there with the time so far. */
  list(): SlowSubscription[] {
    if (this.#withdraw !== null) this.#sweep();
    return this.#slowest.list();
  }

  clear(): void {
    this.#slowest = new Slowest(this.#settings.entriesMax);
  }

  samples(): FeatureSample[] {
    return this.#withdraw === null ? [] : [{ name: 'wrenmq_slow_subscriptions', value: this.#slowest.size, labels: {} }];
  }

  #begin(): void {
    // What is fast costs a comparison: no part of the way takes longer than the whole.
    this.#withdraw = this.#context.on('delivery.finished', (...finished) => this.#time(...finished), {
      fromMs: this.#settings.thresholdMs,
    });
    this.#wait();
  }

  #wait(): void {
    this.#cancelSweep = this.#context.clock.after(SWEEP_MS, () => {
      this.#wait();
      this.#sweep();
    });
  }

  #sweep(): void {
    this.#slowest.expire(this.#context.clock.monotonicMs() - this.#settings.expireAfterMs);
    for (const { clientId, delivery, tookMs } of this.#context.unfinished()) {
      // What came while the client was away, -1, did not wait because somebody is slow.
      if (tookMs >= 0) this.#time(clientId, delivery, tookMs);
    }
  }

  #time(clientId: string, delivery: Delivery, tookMs: number): void {
    const { message, sentAtMs } = delivery;
    const internalMs = sentAtMs === 0 ? tookMs : sentAtMs - message.routedAtMs;
    const responseMs = tookMs - internalMs;
    const { statistics, thresholdMs } = this.#settings;
    const timespanMs = statistics === 'whole' ? tookMs : statistics === 'internal' ? internalMs : responseMs;
    if (timespanMs < thresholdMs) return;
    const isResponse = statistics === 'response' || (statistics === 'whole' && responseMs > internalMs);
    const cause = isResponse ? 'client' : causeOf(delivery);
    const { clock } = this.#context;
    this.#slowest.offer({ clientId, topic: message.topic, timespanMs, cause, lastUpdateMs: clock.wallMs() }, clock.monotonicMs());
  }
}

/** Why a delivery was not sent at once. */
function causeOf({ obstacle, group }: Delivery): SlowCause {
  if (obstacle !== Obstacle.None) return causes[obstacle];
  // It may have waited in the queue of its group.
  return group === null ? 'broker' : 'queue';
}
