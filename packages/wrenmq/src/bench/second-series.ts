import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadCounts } from './load-outcome.ts';

/** One second of what is measured. */
export interface MeasuredSecond {
  readonly sent: number;
  readonly acknowledged: number;
  readonly received: number;
  /** Of the latency, or of the acknowledgement where nothing is received; null when there was none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** What the seconds of a run had to say, for curves and to compare two runs. The histograms of a run are the sums of its seconds. */
export class SecondSeries {
  readonly seconds: MeasuredSecond[] = [];
  readonly latency = new LatencyHistogram();
  readonly acknowledgement = new LatencyHistogram();
  readonly #latencyTotal = new LatencyHistogram();
  readonly #acknowledgementTotal = new LatencyHistogram();
  #before: Readonly<LoadCounts> = { sent: 0, acknowledged: 0, received: 0 };

  start(counts: Readonly<LoadCounts>): void {
    this.#before = { ...counts };
  }

  /** A second is over. */
  cut({ sent, acknowledged, received }: Readonly<LoadCounts>): void {
    const shown = this.latency.count > 0 ? this.latency : this.acknowledgement;
    const { p50Ms, p99Ms, maxMs } = shown.summary();
    const times = shown.count === 0 ? { p50Ms: null, p99Ms: null, maxMs: null } : { p50Ms, p99Ms, maxMs };
    const before = this.#before;
    this.seconds.push({
      sent: sent - before.sent,
      acknowledged: acknowledged - before.acknowledged,
      received: received - before.received,
      ...times,
    });
    this.#before = { sent, acknowledged, received };
    this.#add();
  }

  /** Everything, also what came after the last whole second. */
  totals(): { readonly latency: LatencyHistogram; readonly acknowledgement: LatencyHistogram } {
    this.#add();
    return { latency: this.#latencyTotal, acknowledgement: this.#acknowledgementTotal };
  }

  #add(): void {
    this.#latencyTotal.take(this.latency);
    this.#acknowledgementTotal.take(this.acknowledgement);
  }
}
