// HOT: three hooks that run once per message or delivery while there are topic metrics
import type { Cancel } from '#base/clock.ts';
import type { FeatureContext, FeatureSample, RunningFeature } from '#hooks/feature.ts';
import type { Delivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { TICK_MS } from './flow.ts';
import { MetricIndex } from './metric-index.ts';
import { metricSamples } from './metric-samples.ts';
import { TopicMetric, type TopicMetricReading } from './topic-metric.ts';

const NAME_CHARACTERS_MAX = 256;
const FILTER_BYTES_MAX = 65_535;
/** So many ticks make the span of time that percentiles are about. */
const TICKS_PER_TURN = 12;

export interface TopicMetricsSettings {
  readonly metricsMax: number;
  /** Filters by the name of the metric. */
  readonly metrics: Readonly<Record<string, string>>;
}

/** What became of a wish for a topic metric. `full`: there are `topicMetrics.metricsMax` already. */
export type AddedMetric = 'added' | 'full' | 'name-taken' | 'bad-name' | 'bad-filter';

/** Counts and times what goes through topics. Without a metric it has no hooks and no timer, and costs nothing. */
export class TopicMetrics implements RunningFeature<TopicMetricsSettings> {
  readonly #context: FeatureContext<TopicMetricsSettings>;
  readonly #index = new MetricIndex();
  readonly #metrics = new Map<string, TopicMetric>();
  #metricsMax = 0;
  #withdrawals: (() => void)[] = [];
  #cancelTick: Cancel | null = null;
  #ticks = 0;

  constructor(context: FeatureContext<TopicMetricsSettings>) {
    this.#context = context;
    this.reload(context.settings);
  }

  /** What is configured as before goes on counting. What was made at run time stays, as far as there is room. */
  reload({ metricsMax, metrics }: TopicMetricsSettings): void {
    this.#metricsMax = metricsMax;
    for (const metric of this.#metrics.values()) {
      const filter = Object.hasOwn(metrics, metric.name) ? metrics[metric.name] : undefined;
      if (filter === undefined ? metric.isConfigured : filter !== metric.filter) this.#drop(metric);
      else metric.isConfigured = filter !== undefined;
    }
    for (const [name, filter] of Object.entries(metrics)) {
      if (!this.#metrics.has(name)) this.#put(new TopicMetric(name, filter, true, this.#context.clock.wallMs()));
    }
    this.#leaveOut([...this.#metrics.values()].toSorted((a, b) => Number(b.isConfigured) - Number(a.isConfigured)).slice(metricsMax));
    this.#settle();
  }

  stop(): void {
    for (const withdraw of this.#withdrawals.splice(0)) withdraw();
    this.#cancelTick?.();
    this.#cancelTick = null;
  }

  list(): TopicMetricReading[] {
    return Array.from(this.#metrics.values(), ({ reading }) => reading);
  }

  get(name: string): TopicMetricReading | null {
    return this.#metrics.get(name)?.reading ?? null;
  }

  /** Begins to count, until the broker ends; what is to survive a restart belongs into the configuration. */
  add(filter: string, name: string = filter): AddedMetric {
    const parsed = parseTopicFilter(filter, Infinity, FILTER_BYTES_MAX);
    if (typeof parsed === 'string' || parsed.group !== null) return 'bad-filter';
    if (name === '' || name.length > NAME_CHARACTERS_MAX || /\p{Cc}/u.test(name)) return 'bad-name';
    if (this.#metrics.has(name)) return 'name-taken';
    if (this.#metrics.size >= this.#metricsMax) return 'full';
    this.#put(new TopicMetric(name, filter, false, this.#context.clock.wallMs()));
    this.#settle();
    return 'added';
  }

  /** False when there is none of that name. One of the configuration is back after the next reload. */
  remove(name: string): boolean {
    const metric = this.#metrics.get(name);
    if (metric === undefined) return false;
    this.#drop(metric);
    this.#settle();
    return true;
  }

  /** Counts from 0 again: one metric, or all. False when there is none of that name. */
  reset(name?: string): boolean {
    const metrics = name === undefined ? [...this.#metrics.values()] : [this.#metrics.get(name)];
    for (const metric of metrics) metric?.reset(this.#context.clock.wallMs());
    return metrics.every((metric) => metric !== undefined);
  }

  samples(): FeatureSample[] {
    return this.list().flatMap(metricSamples);
  }

  #leaveOut(metrics: readonly TopicMetric[]): void {
    for (const metric of metrics) {
      this.#drop(metric);
      this.#context.log.warn({ metric: metric.name, metricsMax: this.#metricsMax }, 'a topic metric is left out: there are too many');
    }
  }

  #put(metric: TopicMetric): void {
    this.#metrics.set(metric.name, metric);
    this.#index.add(metric);
  }

  #drop(metric: TopicMetric): void {
    this.#metrics.delete(metric.name);
    this.#index.remove(metric);
  }

  /** Hooks and a timer are there exactly while there are metrics. Hooks that come anew tell everyone that other topics matter now. */
  #settle(): void {
    for (const withdraw of this.#withdrawals.splice(0)) withdraw();
    if (this.#metrics.size === 0) {
      this.stop();
      return;
    }
    const context = this.#context;
    const interest = { isAbout: (topic: string) => this.#index.of(topic).length > 0 };
    this.#withdrawals = [
      context.on('message.published', (message, hasSubscribers) => this.#published(message, hasSubscribers), interest),
      context.on('delivery.finished', (_clientId, delivery, tookMs) => this.#delivered(delivery, tookMs), interest),
      context.on('message.dropped', (_clientId, message) => this.#dropped(message)),
    ];
    if (this.#cancelTick === null) this.#wait();
  }

  #wait(): void {
    this.#cancelTick = this.#context.clock.after(TICK_MS, () => {
      this.#wait();
      this.#ticks += 1;
      for (const metric of this.#metrics.values()) {
        metric.tick();
        if (this.#ticks % TICKS_PER_TURN === 0) metric.latency.turn();
      }
    });
  }

  #published(message: Message, hasSubscribers: boolean): void {
    const metrics = this.#index.of(message.topic);
    for (let i = 0; i < metrics.length; i += 1) {
      metrics[i].in.add(message.qos, message.payloadBytes);
      if (!hasSubscribers) metrics[i].unmatched += 1;
    }
  }

  #delivered({ message, qos }: Delivery, tookMs: number): void {
    const metrics = this.#index.of(message.topic);
    for (let i = 0; i < metrics.length; i += 1) {
      metrics[i].out.add(qos, message.payloadBytes);
      if (tookMs >= 0) metrics[i].latency.record(tookMs);
    }
  }

  #dropped(message: Message | null): void {
    if (message === null) return;
    const metrics = this.#index.of(message.topic);
    for (let i = 0; i < metrics.length; i += 1) metrics[i].dropped.add(message.qos, message.payloadBytes);
  }
}
