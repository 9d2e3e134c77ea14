import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  /** Null below a thousand values: it would be the largest one. */
  readonly p99_9Ms: number | null;
  readonly maxMs: number;
  readonly meanMs: number;
}

const NS_PER_MS = 1e6;
const HIGHEST_NS = 3600 * 1e9;
const COUNT_FOR_P99_9 = 1000;

/** An HDR histogram of times from a nanosecond to an hour, each exact to a thousandth of itself. */
export class LatencyHistogram {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: HIGHEST_NS, figures: 3 });
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  record(ms: number): void {
    this.#count += 1;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    const ns = Math.round(ms * NS_PER_MS);
    // Two clocks of one machine may differ by their rounding.
    this.#histogram.record(ns < 1 ? 1 : ns > HIGHEST_NS ? HIGHEST_NS : ns);
  }

  /** Adds what another one has recorded, which is empty afterwards. */
  take(other: LatencyHistogram): void {
    if (other.#count === 0) return;
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
    this.#histogram.add(other.#histogram);
    other.#histogram.reset();
    other.#count = 0;
    other.#sumMs = 0;
    other.#maxMs = 0;
  }

  get count(): number {
    return this.#count;
  }

  /** In milliseconds; 0 when nothing was recorded. */
  percentile(percent: number): number {
    return this.#count === 0 ? 0 : this.#histogram.percentile(percent) / NS_PER_MS;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      p50Ms: toMicroseconds(this.percentile(50)),
      p90Ms: toMicroseconds(this.percentile(90)),
      p99Ms: toMicroseconds(this.percentile(99)),
      p99_9Ms: this.#count < COUNT_FOR_P99_9 ? null : toMicroseconds(this.percentile(99.9)),
      maxMs: toMicroseconds(this.#maxMs),
      meanMs: toMicroseconds(this.#count === 0 ? 0 : this.#sumMs / this.#count),
    };
  }
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
