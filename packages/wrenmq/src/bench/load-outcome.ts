import type { QoS } from '@wrenmq/codec';
import type { MeasuredLoad } from './generator-load.ts';
import type { EncodedHistogram } from './latency-histogram.ts';
import type { RecordedSecond } from './second-series.ts';
import type { MessageHead } from './load-client.ts';

export interface LoadStream {
  readonly id: number;
  readonly head: MessageHead;
  readonly copies: number;
}

export interface LoadPlan {
  /** By which its messages are known; 0: messages of any run count (sub). */
  readonly run: number;
  readonly qos: QoS;
  /** In all, per second; 0: a closed loop, as fast as `window` allows. */
  readonly rate: number;
  readonly rampMs: number;
  readonly warmupMs: number;
  /** Without ramp and warm-up. Infinity when `count` ends it. */
  readonly durationMs: number;
  /** Messages (connections with conn) in all, or Infinity. */
  readonly count: number;
  readonly window: number;
  /** How long to wait for what is on its way when nothing comes any more. */
  readonly drainMs: number;
  /** Of messages at random moments; null: evenly. */
  readonly poissonSeed: number | null;
  /** Keeps the histograms of every second, to add them to those of other workers or to write them down. */
  readonly keepsHistograms: boolean;
}

export interface LoadCounts {
  sent: number;
  acknowledged: number;
  received: number;
}

/** Nothing but data: it goes from thread to thread. */
export interface LoadOutcome {
  /** All of the run, ramp and warm-up too. */
  readonly total: Readonly<LoadCounts>;
  /** Between warm-up and the end of sending. */
  readonly measured: Readonly<LoadCounts> & { readonly elapsedMs: number };
  /** Deliveries that all that was sent should have brought. */
  readonly expected: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Messages that were late because the broker took no more. */
  readonly heldBack: number;
  /** Messages that were due, and those of them that were never sent: no latency tells of them. */
  readonly due: number;
  readonly missed: number;
  readonly lostConnections: number;
  /** Of acknowledgements that refuse and of DISCONNECTs. */
  readonly reasonCodes: ReadonlyMap<number, number>;
  readonly latency: EncodedHistogram;
  readonly service: EncodedHistogram;
  readonly scheduleDelay: EncodedHistogram;
  readonly acknowledgement: EncodedHistogram;
  readonly seconds: readonly RecordedSecond[];
  /** What was measured after the last whole second. */
  readonly rest: RecordedSecond;
  readonly load: MeasuredLoad;
}
