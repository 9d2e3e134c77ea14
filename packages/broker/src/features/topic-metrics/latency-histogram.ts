// HOT: record runs once per delivery of a metric
/** Buckets for each doubling: a percentile is off by a sixteenth of itself at most. */
const STEPS = 8;
const BUCKETS = 30 * STEPS;
const MS_MAX = 2 ** 32 - 1;

/** Durations in milliseconds: how many, and their percentiles. */
export interface LatencyReading {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Counts durations in buckets that grow with them, over the present span of time and the one before. Takes 2 KB whatever comes. */
export class LatencyHistogram {
  #current = new Uint32Array(BUCKETS);
  #previous = new Uint32Array(BUCKETS);
  #currentMax = 0;
  #previousMax = 0;

  /** Whole milliseconds; below 0 (the wall clock went back) counts as 0. */
  record(ms: number): void {
    const bounded = ms < 0 ? 0 : ms > MS_MAX ? MS_MAX : ms;
    this.#current[bucketOf(bounded)] += 1;
    if (bounded > this.#currentMax) this.#currentMax = bounded;
  }

  /** A new span of time begins; what was before the last one is forgotten. */
  turn(): void {
    const oldest = this.#previous;
    this.#previous = this.#current;
    this.#previousMax = this.#currentMax;
    oldest.fill(0);
    this.#current = oldest;
    this.#currentMax = 0;
  }

  get reading(): LatencyReading {
    const counts = this.#current.map((count, bucket) => count + this.#previous[bucket]);
    const count = counts.reduce((sum, one) => sum + one, 0);
    const max = Math.max(this.#currentMax, this.#previousMax);
    const percentile = (share: number): number => Math.min(max, valueAt(counts, Math.ceil(count * share)));
    return { count, p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), max };
  }
}

/** Below 8 one bucket a millisecond, then eight for each doubling. */
function bucketOf(ms: number): number {
  if (ms < STEPS) return ms;
  const doublings = 31 - Math.clz32(ms);
  return (doublings - 2) * STEPS + ((ms >>> (doublings - 3)) & (STEPS - 1));
}

/** The middle of the bucket in which the duration of this rank lies; 0 when there is none. */
function valueAt(counts: Uint32Array, rank: number): number {
  let seen = 0;
  for (let bucket = 0; bucket < counts.length && rank > 0; bucket += 1) {
    seen += counts[bucket];
    if (seen >= rank) return middleOf(bucket);
  }
  return 0;
}

function middleOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const width = 2 ** (Math.floor(bucket / STEPS) - 1);
  return Math.floor((STEPS + (bucket % STEPS)) * width + (width - 1) / 2);
}
