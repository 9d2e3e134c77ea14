// HOT: of runs once per message while there are topic metrics
import { SubscriptionTrie } from '#topic/subscription-trie.ts';
import type { TopicMetric } from './topic-metric.ts';

/** So many topics remember what metrics are about them; when there are more, all are looked up afresh. */
const TOPICS_MAX = 16_384;
/** Longer topics are looked up each time, so that what is remembered stays small. */
const CHARACTERS_MAX = 512;

const none: readonly TopicMetric[] = [];

/** Which topic metrics are about a topic. */
export class MetricIndex {
  readonly #trie = new SubscriptionTrie<TopicMetric>();
  readonly #known = new Map<string, readonly TopicMetric[]>();

  add(metric: TopicMetric): void {
    this.#trie.add(metric.filter, metric);
    this.#known.clear();
  }

  remove(metric: TopicMetric): void {
    this.#trie.remove(metric.filter, metric);
    this.#known.clear();
  }

  of(topic: string): readonly TopicMetric[] {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const found: TopicMetric[] = [];
    this.#trie.match(topic, found);
    const metrics = found.length === 0 ? none : found;
    if (topic.length > CHARACTERS_MAX) return metrics;
    if (this.#known.size >= TOPICS_MAX) this.#known.clear();
    this.#known.set(topic, metrics);
    return metrics;
  }
}
