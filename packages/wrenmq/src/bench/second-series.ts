import { type EncodedHistogram, LatencyHistogram } from './latency-histogram.ts';
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

/** A second as one worker has measured it. */
export interface RecordedSecond extends MeasuredSecond {
  /** Null where nobody asks for them. */
  readonly histograms: Readonly<Record<'latency' | 'acknowledgement', EncodedHistogram>> | null;
}

/** What the seconds of a run had to say, for curves and to compare two runs. The histograms of a run are the sums of its seconds. */
export class SecondSeries {
  readonly #seconds: RecordedSecond[] = [];
  readonly #keepsHistograms: boolean;
  readonly latency = new LatencyHistogram();
  readonly acknowledgement = new LatencyHistogram();
  readonly #latencyTotal = new LatencyHistogram();
  readonly #acknowledgementTotal = new LatencyHistogram();
  #before: Readonly<LoadCounts> = { sent: 0, acknowledged: 0, received: 0 };

  constructor(keepsHistograms: boolean) {
    this.#keepsHistograms = keepsHistograms;
  }

  start(counts: Readonly<LoadCounts>): void {
    this.#before = { ...counts };
  }

  /** A second is over. */
  cut(counts: Readonly<LoadCounts>): void {
    this.#seconds.push(this.#take(counts));
  }

  /** Everything, also what came after the last whole second. */
  end(counts: Readonly<LoadCounts>): SeriesTotals {
    const rest = this.#take(counts);
    return { latency: this.#latencyTotal, acknowledgement: this.#acknowledgementTotal, seconds: this.#seconds, rest };
  }

  #take({ sent, acknowledged, received }: Readonly<LoadCounts>): RecordedSecond {
    const before = this.#before;
    const second = {
      sent: sent - before.sent,
      acknowledged: acknowledged - before.acknowledged,
      received: received - before.received,
      ...timesOf(this.latency, this.acknowledgement),
      histograms: this.#keepsHistograms ? { latency: this.latency.encode(), acknowledgement: this.acknowledgement.encode() } : null,
    };
    this.#before = { sent, acknowledged, received };
    this.#latencyTotal.take(this.latency);
    this.#acknowledgementTotal.take(this.acknowledgement);
    return second;
  }
}

interface SeriesTotals {
  readonly latency: LatencyHistogram;
  readonly acknowledgement: LatencyHistogram;
  readonly seconds: readonly RecordedSecond[];
  readonly rest: RecordedSecond;
}

/** What a second shows of its histograms. */
export function timesOf(latency: LatencyHistogram, acknowledgement: LatencyHistogram): Pick<MeasuredSecond, 'p50Ms' | 'p99Ms' | 'maxMs'> {
  const shown = latency.count > 0 ? latency : acknowledgement;
  if (shown.count === 0) return { p50Ms: null, p99Ms: null, maxMs: null };
  const { p50Ms, p99Ms, maxMs } = shown.summary();
  return { p50Ms, p99Ms, maxMs };
}
