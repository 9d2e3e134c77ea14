import { HdrCounts } from './hdr-counts.ts';

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Null below a thousand values: it would be the largest one. */
  readonly p99_9Ms: number | null;
  /** Null below ten thousand. */
  readonly p99_99Ms: number | null;
  readonly maxMs: number;
  readonly meanMs: number;
}

/** A histogram on its way from one thread to another, or to a file. */
export interface EncodedHistogram {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** `HdrCounts.encode`, in nanoseconds. */
  readonly counts: Uint8Array;
}

const NS_PER_MS = 1e6;
const COUNT_FOR_P99_9 = 1000;
const COUNT_FOR_P99_99 = 10_000;

/** An HDR histogram of times from a nanosecond to an hour, each exact to a thousandth of itself. */
export class LatencyHistogram {
  readonly #counts = new HdrCounts();
  #sumMs = 0;
  #maxMs = 0;

  /** The sum of histograms. */
  static of(encoded: readonly EncodedHistogram[]): LatencyHistogram {
    const sum = new LatencyHistogram();
    for (const each of encoded) sum.addEncoded(each);
    return sum;
  }

  record(ms: number): void {
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    this.#counts.record(Math.round(ms * NS_PER_MS));
  }

  /** Adds what another one has recorded, which is empty afterwards. */
  take(other: LatencyHistogram): void {
    if (other.count === 0) return;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
    this.#counts.add(other.#counts);
    other.#counts.reset();
    other.#sumMs = 0;
    other.#maxMs = 0;
  }

  encode(): EncodedHistogram {
    return { count: this.count, sumMs: this.#sumMs, maxMs: this.#maxMs, counts: this.#counts.encode() };
  }

  /** Adds what `encode` has written. */
  addEncoded({ sumMs, maxMs, counts }: EncodedHistogram): void {
    this.#sumMs += sumMs;
    this.#maxMs = Math.max(this.#maxMs, maxMs);
    this.#counts.addEncoded(counts);
  }

  get count(): number {
    return this.#counts.total;
  }

  /** In milliseconds; 0 when nothing was recorded. */
  percentile(percent: number): number {
    return this.#counts.percentile(percent) / NS_PER_MS;
  }

  summary(): LatencySummary {
    return {
      count: this.count,
      p50Ms: toMicroseconds(this.percentile(50)),
      p90Ms: toMicroseconds(this.percentile(90)),
      p95Ms: toMicroseconds(this.percentile(95)),
      p99Ms: toMicroseconds(this.percentile(99)),
      p99_9Ms: this.count < COUNT_FOR_P99_9 ? null : toMicroseconds(this.percentile(99.9)),
      p99_99Ms: this.count < COUNT_FOR_P99_99 ? null : toMicroseconds(this.percentile(99.99)),
      maxMs: toMicroseconds(this.#maxMs),
      meanMs: toMicroseconds(this.count === 0 ? 0 : this.#sumMs / this.count),
    };
  }
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
