import { reasonName } from '@wrenmq/codec';
import type { BenchPlan } from './bench-plan.ts';
import type { ConnectOutcome } from './connect-load.ts';
import type { MeasuredLoad } from './generator-load.ts';
import { judgeGenerator } from './judge.ts';
import { environment } from './environment.ts';
import type { LatencySummary } from './latency-histogram.ts';
import type { MeasuredSecond } from './second-series.ts';
import type { LoadOutcome } from './load-outcome.ts';

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
  /** Second by second of the time that was measured; the last one that began is not whole and not there. */
  readonly series: readonly MeasuredSecond[];
  readonly generator: MeasuredLoad;
  readonly environment: Readonly<Record<string, string | number | boolean>>;
}

interface Parts {
  readonly plan: BenchPlan;
  readonly url: string;
  readonly version: 4 | 5;
  readonly connections: ConnectOutcome;
  readonly load: MeasuredLoad;
  /** Null when the run only connected. */
  readonly messages: LoadOutcome | null;
}

export function composeResult(parts: Parts): BenchResult {
  const { plan, url, version, connections, messages, load } = parts;
  const delay = messages?.scheduleDelay ?? connections.scheduleDelay;
  const latency = messages === null ? connections.latency : messages.latency.count > 0 ? messages.latency : messages.acknowledgement;
  const invalid = judgeGenerator({
    ...load,
    scheduleDelayP99Ms: delay.count === 0 ? null : delay.percentile(99),
    latencyP99Ms: latency.count === 0 ? null : latency.percentile(99),
    missed: messages?.missed ?? 0,
    due: messages?.due ?? 0,
  });
  const some = (histogram: { readonly count: number; summary(): LatencySummary } | undefined): LatencySummary | null =>
    histogram === undefined || histogram.count === 0 ? null : histogram.summary();
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
    rates: ratesOf(plan, connections, messages),
    counts: countsOf(connections, messages),
    reasonCodes: reasonsOf(connections, messages),
    latency: some(messages?.latency),
    service: some(messages?.service),
    acknowledgement: some(messages?.acknowledgement),
    scheduleDelay: some(delay),
    connect: some(connections.latency),
    series: messages?.series ?? [],
    generator: {
      utilization: toThousandths(load.utilization),
      loopDelayP99Ms: toThousandths(load.loopDelayP99Ms),
      cpu: toThousandths(load.cpu),
    },
    environment: environment(new URL(url).hostname),
  };
}

function toThousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function optionsOf(plan: BenchPlan): BenchResult['options'] {
  const finite = (value: number): number | null => (value === Infinity ? null : value);
  const { clients, topics, qos, payloadBytes, rate, rampMs, warmupMs, window, isDurable, share } = plan;
  return {
    clients,
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

function ratesOf(
  { payloadBytes }: BenchPlan,
  { connected, elapsedMs }: ConnectOutcome,
  messages: LoadOutcome | null,
): BenchResult['rates'] {
  const perSecond = (count: number, ms: number): number => Math.round((count / Math.max(1, ms)) * 10_000) / 10;
  if (messages === null) return { connected: perSecond(connected, elapsedMs) };
  const { sent, received, acknowledged, elapsedMs: measuredMs } = messages.measured;
  return {
    sent: perSecond(sent, measuredMs),
    acknowledged: perSecond(acknowledged, measuredMs),
    received: perSecond(received, measuredMs),
    payloadBytes: Math.round(perSecond((sent + received) * payloadBytes, measuredMs)),
  };
}

function countsOf({ connected, failures }: ConnectOutcome, messages: LoadOutcome | null): BenchResult['counts'] {
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
  if (messages === null) return { connected, failed };
  const { total, expected, duplicates, outOfOrder, heldBack, missed, lostConnections } = messages;
  const lost = Math.max(0, expected - (total.received - duplicates));
  return { connected, failed, ...total, expected, lost, duplicates, outOfOrder, heldBack, missed, lostConnections };
}

function reasonsOf({ failures }: ConnectOutcome, messages: LoadOutcome | null): BenchResult['reasonCodes'] {
  const codes = [...(messages?.reasonCodes ?? [])].map(([code, count]) => [reasonName(code), count] as const);
  return Object.fromEntries([...failures, ...codes]);
}
