import type { ConnectOutcome } from './connect-load.ts';
import { type EncodedHistogram, LatencyHistogram } from './latency-histogram.ts';
import type { LoadCounts, LoadOutcome } from './load-outcome.ts';
import type { StormOutcome } from './reconnect-storm.ts';
import { type RecordedSecond, timesOf } from './second-series.ts';

/** The connections of all workers as those of one. Of their loads there is one for each. */
export function mergeConnections(outcomes: readonly ConnectOutcome[]): Omit<ConnectOutcome, 'load'> {
  return {
    connected: total(outcomes, ({ connected }) => connected),
    failures: mergeCounts(outcomes.map(({ failures }) => failures)),
    elapsedMs: Math.max(...outcomes.map(({ elapsedMs }) => elapsedMs)),
    latency: LatencyHistogram.of(outcomes.map(({ latency }) => latency)).encode(),
    scheduleDelay: LatencyHistogram.of(outcomes.map(({ scheduleDelay }) => scheduleDelay)).encode(),
  };
}

/** The messages of all workers as those of one. */
export function mergeMessages(outcomes: readonly LoadOutcome[]): Omit<LoadOutcome, 'load'> {
  const add = (figure: (outcome: LoadOutcome) => number): number => total(outcomes, figure);
  const merge = (histogram: (outcome: LoadOutcome) => EncodedHistogram): EncodedHistogram =>
    LatencyHistogram.of(outcomes.map(histogram)).encode();
  return {
    total: addCounts(outcomes.map((each) => each.total)),
    measured: {
      ...addCounts(outcomes.map(({ measured }) => measured)),
      elapsedMs: Math.max(...outcomes.map(({ measured }) => measured.elapsedMs)),
    },
    expected: add(({ expected }) => expected),
    duplicates: add(({ duplicates }) => duplicates),
    outOfOrder: add(({ outOfOrder }) => outOfOrder),
    heldBack: add(({ heldBack }) => heldBack),
    due: add(({ due }) => due),
    missed: add(({ missed }) => missed),
    lostConnections: add(({ lostConnections }) => lostConnections),
    reasonCodes: mergeCounts(outcomes.map(({ reasonCodes }) => reasonCodes)),
    latency: merge(({ latency }) => latency),
    service: merge(({ service }) => service),
    scheduleDelay: merge(({ scheduleDelay }) => scheduleDelay),
    acknowledgement: merge(({ acknowledgement }) => acknowledgement),
    ...mergeSeries(outcomes),
  };
}

export function mergeStorms(outcomes: readonly StormOutcome[]): Omit<StormOutcome, 'load'> {
  return {
    clients: total(outcomes, ({ clients }) => clients),
    served: total(outcomes, ({ served }) => served),
    sessionsResumed: total(outcomes, ({ sessionsResumed }) => sessionsResumed),
    failures: mergeCounts(outcomes.map(({ failures }) => failures)),
    elapsedMs: Math.max(...outcomes.map(({ elapsedMs }) => elapsedMs)),
    latency: LatencyHistogram.of(outcomes.map(({ latency }) => latency)).encode(),
  };
}

/** The seconds that all have measured, and the rest of each. */
function mergeSeries(outcomes: readonly LoadOutcome[]): Pick<LoadOutcome, 'seconds' | 'rest'> {
  const length = Math.min(...outcomes.map(({ seconds }) => seconds.length));
  return {
    seconds: Array.from({ length }, (_, second) => mergeSeconds(outcomes.map(({ seconds }) => seconds[second]))),
    rest: mergeSeconds(outcomes.flatMap(({ seconds, rest }) => [...seconds.slice(length), rest])),
  };
}

function mergeSeconds(seconds: readonly RecordedSecond[]): RecordedSecond {
  if (seconds.length === 1) return seconds[0];
  const histograms = seconds.map((second) => second.histograms).filter((each) => each !== null);
  const latency = LatencyHistogram.of(histograms.map((each) => each.latency));
  const acknowledgement = LatencyHistogram.of(histograms.map((each) => each.acknowledgement));
  return {
    ...addCounts(seconds),
    ...timesOf(latency, acknowledgement),
    histograms: { latency: latency.encode(), acknowledgement: acknowledgement.encode() },
  };
}

function addCounts(counts: readonly Readonly<LoadCounts>[]): LoadCounts {
  return {
    sent: total(counts, ({ sent }) => sent),
    acknowledged: total(counts, ({ acknowledged }) => acknowledged),
    received: total(counts, ({ received }) => received),
  };
}

function mergeCounts<Key>(maps: readonly ReadonlyMap<Key, number>[]): Map<Key, number> {
  const sums = new Map<Key, number>();
  for (const map of maps) for (const [key, count] of map) sums.set(key, (sums.get(key) ?? 0) + count);
  return sums;
}

function total<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0);
}
