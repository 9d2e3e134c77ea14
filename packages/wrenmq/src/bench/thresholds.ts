import { CommandError, ExitCode } from '#exit-code.ts';
import { nearest } from '#nearest.ts';
import type { BenchResult } from './bench-result.ts';
import type { LatencySummary } from './latency-histogram.ts';

/** A --fail-if that was read. */
export interface Threshold {
  readonly text: string;
  /** The value of a result that it looks at; null when the result has none. */
  readonly valueOf: (result: BenchResult) => number | null;
  readonly isBroken: (value: number) => boolean;
}

const TIMES: Readonly<Record<string, keyof LatencySummary>> = {
  p50: 'p50Ms',
  p90: 'p90Ms',
  p95: 'p95Ms',
  p99: 'p99Ms',
  'p99.9': 'p99_9Ms',
  'p99.99': 'p99_99Ms',
  max: 'maxMs',
  mean: 'meanMs',
};
const COUNTS: Readonly<Record<string, string>> = {
  lost: 'lost',
  duplicates: 'duplicates',
  'out-of-order': 'outOfOrder',
  missed: 'missed',
  'held-back': 'heldBack',
  failed: 'failed',
  'lost-connections': 'lostConnections',
  unserved: 'unserved',
};
const RATES: Readonly<Record<string, string>> = {
  'sent/s': 'sent',
  'acknowledged/s': 'acknowledged',
  'received/s': 'received',
  'connected/s': 'connected',
};
const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };
const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
};
/** How long a storm lasted. */
const ALL_SERVED = 'all-served';
const NAMES: readonly string[] = [...Object.keys(TIMES), ALL_SERVED, ...Object.keys(COUNTS), ...Object.keys(RATES)];

/** Reads a --fail-if such as `p99>20ms`, `lost>0` or `received/s<900`. */
export function readThreshold(text: string): Threshold {
  const [, name, comparison, bound, unit] = /^\s*([\w./-]+?)\s*([<>]=?)\s*([\d.]+)\s*(us|ms|s)?\s*$/.exec(text) ?? [];
  if (name === undefined || !Number.isFinite(Number(bound))) throw usage(`--fail-if ${text}: must be like 'p99>20ms' or 'lost>0'`);
  if (!NAMES.includes(name)) {
    const near = nearest(name, NAMES);
    throw usage(`--fail-if ${text}: ${near === undefined ? `there are ${NAMES.join(', ')}` : `did you mean ${near}?`}`);
  }
  const time = TIMES[name];
  const isTime = time !== undefined || name === ALL_SERVED;
  if (isTime && unit === undefined) throw usage(`--fail-if ${text}: say the unit: us, ms or s`);
  if (!isTime && unit !== undefined) throw usage(`--fail-if ${text}: ${name} is no time`);
  const limit = Number(bound) * (unit === undefined ? 1 : UNIT_MS[unit]);
  const isBroken = (value: number): boolean => COMPARISONS[comparison](value, limit);
  if (time !== undefined) return { text, isBroken, valueOf: (result) => headline(result)?.[time] ?? null };
  if (isTime) return { text, isBroken, valueOf: ({ storm }) => (storm === null || storm.unserved > 0 ? null : storm.elapsedMs) };
  const valueOf = (result: BenchResult): number | null => (COUNTS[name] ? result.counts[COUNTS[name]] : result.rates[RATES[name]]) ?? null;
  return { text, isBroken, valueOf };
}

/** The latency of a result; where it has none, the acknowledgement or the connecting. */
function headline({ latency, acknowledgement, connect, scenario }: BenchResult): LatencySummary | null {
  return latency ?? acknowledgement ?? (scenario === 'conn' ? connect : null);
}

/** What is not met, in words. What was not measured is not met: a threshold must not pass because there was nothing. */
export function brokenThresholds(thresholds: readonly Threshold[], result: BenchResult): string[] {
  return thresholds.flatMap(({ text, valueOf, isBroken }) => {
    const value = valueOf(result);
    if (value === null) return [`${text}: this run has no such figure`];
    return isBroken(value) ? [`${text}: it was ${value}`] : [];
  });
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
