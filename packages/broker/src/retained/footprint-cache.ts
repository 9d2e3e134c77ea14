import type { Footprint } from './retained-record.ts';

/** Longer topics are not kept: the cache is bounded in bytes too. */
const TOPIC_LENGTH_MAX = 256;

/** What the topics that were written last have on disk. In two generations: the older is forgotten when the newer is full. */
export class FootprintCache {
  readonly #max: number;
  #newer = new Map<string, Footprint>();
  #older = new Map<string, Footprint>();

  constructor(max: number) {
    this.#max = max;
  }

  get(topic: string): Footprint | undefined {
    return this.#newer.get(topic) ?? this.#older.get(topic);
  }

  set(topic: string, footprint: Footprint): void {
    if (topic.length > TOPIC_LENGTH_MAX || this.#max === 0) return;
    if (this.#newer.size * 2 >= this.#max && !this.#newer.has(topic)) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(topic, footprint);
  }
}
