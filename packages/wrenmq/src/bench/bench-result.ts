import { reasonName } from '@wrenmq/codec';
import type { BenchPlan } from './bench-plan.ts';
import type { BrokerUse } from './broker-metrics.ts';
import { environment } from './environment.ts';
import type { MeasuredLoad } from './generator-load.ts';
import { type EncodedHistogram, LatencyHistogram, type LatencySummary } from './latency-histogram.ts';
import type { MeasuredSecond } from './second-series.ts';
import type { RunOutcome } from './run-outcome.ts';

export interface BenchResult {
  readonly schema: 'wrenmq.bench/1';
  readonly scenario: string;
  readonly url: string;
  readonly version: string;
  /** False: the figures say more about the generator than about the broker; `invalid` says why. */
  readonly isValid: boolean;
  readonly invalid: readonly string[];
  readonly loop: 'open' | 'closed';
  readonly options: Readonly<Record<string, number | string | boolean | null>>;
  readonly elapsedMs: number;
  /** Per second, in the time that was measured. */
  readonly rates: Readonly<Record<string, number>>;
  /** Of the whole run. */
  readonly counts: Readonly<Record<string, number>>;
  readonly reasonCodes: Readonly<Record<string, number>>;
  /** From the intended time: what the headline is. */
  readonly latency: LatencySummary | null;
  /** From the time when it was written. */
  readonly service: LatencySummary | null;
  /** From the intended time to the acknowledgement of the broker. */
  readonly acknowledgement: LatencySummary | null;
  readonly scheduleDelay: LatencySummary | null;
  readonly connect: LatencySummary | null;
  readonly storm: StormResult | null;
  /** Second by second of the time that was measured; the last one that began is not whole and not there. */
  readonly series: readonly MeasuredSecond[];
  readonly generator: GeneratorResult;
  /** What the broker says that it used; null where it was not asked. */
  readonly broker: BrokerUse | null;
  readonly environment: Readonly<Record<string, string | number | boolean>>;
}

/** The busiest and the latest of all workers; their CPU together. */
export interface GeneratorResult extends MeasuredLoad {
  readonly workers: readonly MeasuredLoad[];
}

export interface StormResult {
  readonly clients: number;
  readonly served: number;
  readonly unserved: number;
  readonly sessionsResumed: number;
  /** Attempts; each was tried again. */
  readonly failedAttempts: number;
  /** From the cut until all were served, or until the rest was given up. */
  readonly elapsedMs: number;
  /** From the cut to CONNACK, of each. */
  readonly latency: LatencySummary | null;
}

interface Parts {
  readonly plan: BenchPlan;
  readonly url: string;
  readonly version: 4 | 5;
  readonly outcome: RunOutcome;
  readonly broker: BrokerUse | null;
}

export function composeResult({ plan, url, version, outcome, broker }: Parts): BenchResult {
  const { connections, messages, invalid } = outcome;
  return {
    schema: 'wrenmq.bench/1',
    scenario: plan.scenario,
    url,
    version: version === 5 ? '5.0' : '3.1.1',
    isValid: invalid.length === 0,
    invalid,
    loop: plan.rate === 0 ? 'closed' : 'open',
    options: optionsOf(plan),
    elapsedMs: Math.round(messages?.measured.elapsedMs ?? connections.elapsedMs),
    rates: ratesOf(plan, outcome),
    counts: countsOf(outcome),
    reasonCodes: reasonsOf(outcome),
    latency: summaryOf(messages?.latency),
    service: summaryOf(messages?.service),
    acknowledgement: summaryOf(messages?.acknowledgement),
    scheduleDelay: summaryOf((messages ?? connections).scheduleDelay),
    connect: summaryOf(connections.latency),
    storm: stormOf(outcome),
    series: (messages?.seconds ?? []).map(({ histograms: _histograms, ...second }) => second),
    generator: generatorOf(outcome.loads),
    broker,
    environment: environment(new URL(url).hostname),
  };
}

function summaryOf(histogram: EncodedHistogram | undefined): LatencySummary | null {
  return histogram === undefined || histogram.count === 0 ? null : LatencyHistogram.of([histogram]).summary();
}

function stormOf({ storm }: RunOutcome): StormResult | null {
  if (storm === null) return null;
  const { clients, served, sessionsResumed, failures, elapsedMs, latency } = storm;
  const failedAttempts = sumOf(failures.values());
  const rounded = Math.round(elapsedMs * 10) / 10;
  return { clients, served, unserved: clients - served, sessionsResumed, failedAttempts, elapsedMs: rounded, latency: summaryOf(latency) };
}

function generatorOf(loads: readonly MeasuredLoad[]): GeneratorResult {
  const workers = loads.map(({ utilization, loopDelayP99Ms, cpu }) => ({
    utilization: toThousandths(utilization),
    loopDelayP99Ms: toThousandths(loopDelayP99Ms),
    cpu: toThousandths(cpu),
  }));
  return {
    utilization: Math.max(...workers.map(({ utilization }) => utilization)),
    loopDelayP99Ms: Math.max(...workers.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
    cpu: toThousandths(sumOf(workers.map(({ cpu }) => cpu))),
    workers,
  };
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function toThousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function optionsOf(plan: BenchPlan): BenchResult['options'] {
  const finite = (value: number): number | null => (value === Infinity ? null : value);
  const { clients, workers, hasStorm, topics, qos, payloadBytes, rate, rampMs, warmupMs, window, isDurable, share } = plan;
  return {
    clients,
    workers,
    reconnectStorm: hasStorm,
    topics: topics ?? null,
    qos,
    payloadBytes,
    rate,
    rampMs,
    warmupMs,
    durationMs: finite(plan.durationMs),
    count: finite(plan.count),
    window,
    isDurable,
    share: share ?? null,
    seed: plan.poissonSeed,
  };
}

function ratesOf({ payloadBytes }: BenchPlan, { connections, messages }: RunOutcome): BenchResult['rates'] {
  const perSecond = (count: number, ms: number): number => Math.round((count / Math.max(1, ms)) * 10_000) / 10;
  if (messages === null) return { connected: perSecond(connections.connected, connections.elapsedMs) };
  const { sent, received, acknowledged, elapsedMs: measuredMs } = messages.measured;
  return {
    sent: perSecond(sent, measuredMs),
    acknowledged: perSecond(acknowledged, measuredMs),
    received: perSecond(received, measuredMs),
    payloadBytes: Math.round(perSecond((sent + received) * payloadBytes, measuredMs)),
  };
}

function countsOf({ connections: { connected, failures }, messages, storm }: RunOutcome): BenchResult['counts'] {
  const failed = sumOf(failures.values());
  if (messages === null) return { connected, failed, ...(storm === null ? {} : { unserved: storm.clients - storm.served }) };
  const { total, expected, duplicates, outOfOrder, heldBack, missed, lostConnections } = messages;
  const lost = Math.max(0, expected - (total.received - duplicates));
  return { connected, failed, ...total, expected, lost, duplicates, outOfOrder, heldBack, missed, lostConnections };
}

function reasonsOf({ connections, messages, storm }: RunOutcome): BenchResult['reasonCodes'] {
  const codes = [...(messages?.reasonCodes ?? [])].map(([code, count]) => [reasonName(code), count] as const);
  return Object.fromEntries([...connections.failures, ...(storm?.failures ?? []), ...codes]);
}
