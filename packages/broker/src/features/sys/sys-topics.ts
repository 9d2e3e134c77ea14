import { hostname } from 'node:os';
import type { Cancel } from '#base/clock.ts';
import type { FeatureContext, RunningFeature } from '#hooks/feature.ts';
import { BrokerTopics } from './broker-topics.ts';
import { NodeTopics } from './node-topics.ts';
import type { Sample } from './sample.ts';

export interface SysSettings {
  /** How often the values are looked at; null for no `$SYS` at all. */
  readonly intervalSeconds: number | null;
}

/** Publishes, every so often, what has changed of the broker's state since. */
export class SysTopics implements RunningFeature<SysSettings> {
  readonly #context: FeatureContext<SysSettings>;
  readonly #startedMs: number;
  readonly #broker: BrokerTopics;
  readonly #node: NodeTopics;
  /** What was published last. */
  readonly #published = new Map<string, string>();
  #intervalSeconds: number | null = null;
  #cancel: Cancel | null = null;

  constructor(context: FeatureContext<SysSettings>, host: string = hostname()) {
    this.#context = context;
    this.#startedMs = context.clock.monotonicMs();
    this.#broker = new BrokerTopics(this.#sample());
    this.#node = new NodeTopics(host);
    this.reload(context.settings);
  }

  reload({ intervalSeconds }: SysSettings): void {
    if (intervalSeconds === this.#intervalSeconds) return;
    this.stop();
    this.#intervalSeconds = intervalSeconds;
    if (intervalSeconds === null) this.#clear();
    else this.#tick(intervalSeconds * 1000);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #tick(intervalMs: number): void {
    this.#publish();
    this.#cancel = this.#context.clock.after(intervalMs, () => this.#tick(intervalMs));
  }

  #publish(): void {
    const sample = this.#sample();
    for (const [topic, value] of [...this.#broker.values(sample), ...this.#node.values(sample)]) {
      if (this.#published.get(topic) === value) continue;
      this.#published.set(topic, value);
      this.#context.publishValue({ topic, payload: value });
    }
  }

  /** Ends every value, so that nobody reads an old one. */
  #clear(): void {
    for (const topic of this.#published.keys()) this.#context.publishValue({ topic, payload: '' });
    this.#published.clear();
  }

  #sample(): Sample {
    const { clock, counters } = this.#context;
    const { heapUsed, external } = process.memoryUsage();
    return {
      uptimeMs: clock.monotonicMs() - this.#startedMs,
      wallMs: clock.wallMs(),
      counters,
      statistics: this.#context.statistics(),
      heapBytes: heapUsed + external,
    };
  }
}
