/** What a birth certificate says of a metric, and later messages leave out. */
export interface BornMetric {
  readonly name: string;
  readonly datatype: number | undefined;
}

/** Metrics that are remembered; beyond that the edge node that was born first is forgotten. */
const METRICS_MAX = 100_000;

/** The metrics of edge nodes and their devices, by alias and by name, as their birth certificates declare them. */
export class SparkplugBirths {
  /** By edge node: the oldest first. */
  readonly #nodes = new Map<string, Map<bigint | string, BornMetric>>();
  #count = 0;

  /** An edge node is born: what was known of it holds no longer. */
  begin(node: string): void {
    this.#forget(node);
    this.#nodes.set(node, new Map());
  }

  declare(node: string, key: bigint | string, metric: BornMetric): void {
    const metrics = this.#nodes.get(node) ?? new Map<bigint | string, BornMetric>();
    this.#nodes.set(node, metrics);
    if (!metrics.has(key)) this.#count += 1;
    metrics.set(key, metric);
    while (this.#count > METRICS_MAX) this.#forget(this.#nodes.keys().next().value!);
  }

  find(node: string, key: bigint | string): BornMetric | undefined {
    return this.#nodes.get(node)?.get(key);
  }

  #forget(node: string): void {
    this.#count -= this.#nodes.get(node)?.size ?? 0;
    this.#nodes.delete(node);
  }
}
