import type { ConnectOutcome } from './connect-load.ts';
import type { MeasuredLoad } from './generator-load.ts';
import { judgeGenerator } from './judge.ts';
import { type EncodedHistogram, LatencyHistogram } from './latency-histogram.ts';
import type { LoadOutcome } from './load-outcome.ts';
import { mergeConnections, mergeMessages, mergeStorms } from './merge-outcomes.ts';
import type { StormOutcome } from './reconnect-storm.ts';
import type { SliceOutcome } from './slice.ts';

/** What all slices of a run have measured together. */
export interface RunOutcome {
  readonly connections: Omit<ConnectOutcome, 'load'>;
  /** Null when the run only connected. */
  readonly messages: Omit<LoadOutcome, 'load'> | null;
  readonly storm: Omit<StormOutcome, 'load'> | null;
  /** Of each worker, while it measured. */
  readonly loads: readonly MeasuredLoad[];
  /** Why a generator was the bottleneck; each worker is judged by itself, for one that is late makes the sum late. */
  readonly invalid: readonly string[];
}

export function composeOutcome(connected: readonly ConnectOutcome[], slices: readonly SliceOutcome[]): RunOutcome {
  const connections = mergeConnections(connected);
  const loaded = slices.map((slice) => slice.messages).filter((each) => each !== null);
  const stormed = slices.map((slice) => slice.storm).filter((each) => each !== null);
  const messages = loaded.length === 0 ? null : mergeMessages(loaded);
  const storm = stormed.length === 0 ? null : mergeStorms(stormed);
  const measured = loaded.length === 0 ? connected : loaded;
  const latencyP99Ms = p99(headline(connections, messages));
  const invalid = measured.flatMap((each, worker) => {
    const facts = { ...each.load, scheduleDelayP99Ms: p99(each.scheduleDelay), latencyP99Ms, ...owedBy(loaded.at(worker)) };
    return judgeGenerator(facts).map((reason) => named(reason, worker, measured.length));
  });
  const late = stormed.flatMap(({ load }, worker) => {
    const facts = { ...load, scheduleDelayP99Ms: null, latencyP99Ms: null, missed: 0, due: 0 };
    return judgeGenerator(facts).map((reason) => `in the storm: ${named(reason, worker, stormed.length)}`);
  });
  return { connections, messages, storm, loads: measured.map(({ load }) => load), invalid: [...invalid, ...late] };
}

/** Nothing, where no messages are due. */
function owedBy(messages: LoadOutcome | undefined): Pick<LoadOutcome, 'due' | 'missed'> {
  return messages === undefined ? { due: 0, missed: 0 } : { due: messages.due, missed: messages.missed };
}

/** The latencies that a result is about. */
export function headline(connections: Pick<ConnectOutcome, 'latency'>, messages: Omit<LoadOutcome, 'load'> | null): EncodedHistogram {
  if (messages === null) return connections.latency;
  return messages.latency.count > 0 ? messages.latency : messages.acknowledgement;
}

function p99(histogram: EncodedHistogram): number | null {
  return histogram.count === 0 ? null : LatencyHistogram.of([histogram]).percentile(99);
}

function named(reason: string, worker: number, workers: number): string {
  return workers === 1 ? reason : `worker ${worker + 1}: ${reason}`;
}
