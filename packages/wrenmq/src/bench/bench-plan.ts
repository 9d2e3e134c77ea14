import { availableParallelism } from 'node:os';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { readNumber, readQoS } from '#connection/read-value.ts';
import { metricsUrl } from './broker-metrics.ts';
import type { LoadPlan } from './load-outcome.ts';
import { stampBytes } from './stamp.ts';
import { readThreshold, type Threshold } from './thresholds.ts';
import type { Scenario } from './topology.ts';

export interface BenchFlags extends ConnectionFlags {
  readonly clients?: string;
  readonly topic?: string;
  readonly topics?: string;
  readonly rate?: string;
  readonly ramp?: string;
  readonly warmup?: string;
  readonly duration?: string;
  readonly count?: string;
  readonly window?: string;
  readonly size?: string;
  readonly qos?: string;
  readonly share?: string;
  readonly durable?: true;
  readonly connectRate?: string;
  readonly drain?: string;
  readonly poisson?: true;
  readonly seed?: string;
  readonly failIf?: readonly string[];
  readonly out?: string;
  readonly csv?: string;
  readonly hlog?: string;
  readonly workers?: string;
  readonly reconnectStorm?: true;
  readonly brokerMetrics?: string;
  readonly json?: true;
  readonly progress?: false;
}

/** What a run is to do. */
export interface BenchPlan extends Omit<LoadPlan, 'run'> {
  readonly scenario: Scenario;
  readonly clients: number;
  readonly topics: number | undefined;
  readonly topicPrefix: string | undefined;
  readonly share: string | undefined;
  readonly payloadBytes: number;
  readonly connectRate: number;
  readonly isDurable: boolean;
  /** Threads that share the clients among them. */
  readonly workers: number;
  /** Cut all connections when they stand, and have them come back. */
  readonly hasStorm: boolean;
  /** Where the broker tells what it uses. */
  readonly metricsUrl: string | null;
  readonly thresholds: readonly Threshold[];
  readonly isJson: boolean;
  readonly hasProgress: boolean;
}

const SECOND_MS = 1000;
const SECONDS = { min: 0, max: 86_400 * 30, fraction: true } as const;
/** What is asked of a broker when nobody says how much: little. */
const DEFAULT_RATE = 1000;
const DEFAULT_DURATION_S = 10;
const DEFAULT_WARMUP_S = 1;
const DEFAULT_CONNECT_RATE = 500;

export function readPlan(scenario: Scenario, flags: BenchFlags): BenchPlan {
  const count = readNumber('--count', flags.count, { min: 1, max: 1e12 }) ?? Infinity;
  const duration = readSeconds('--duration', flags.duration, 0.1);
  const isCounted = count !== Infinity && duration === undefined;
  const seconds = (flag: string, text: string | undefined, absent: number): number => (readSeconds(flag, text) ?? absent) * SECOND_MS;
  const rate = readRate('--rate', flags.rate, 1e8) ?? (scenario === 'conn' ? DEFAULT_CONNECT_RATE : DEFAULT_RATE);
  if (rate === 0 && flags.ramp !== undefined) throw new CommandError('wrenmq: --ramp needs a --rate to reach', ExitCode.Usage);
  const clients = readNumber('--clients', flags.clients, { min: 1, max: 1_000_000 }) ?? (scenario === 'conn' ? 100 : 10);
  const workers = readWorkers(flags.workers, clients);
  const hasStorm = flags.reconnectStorm === true;
  return {
    scenario,
    clients,
    workers,
    hasStorm,
    metricsUrl: metricsUrl(flags.brokerMetrics)?.href ?? null,
    keepsHistograms: workers > 1 || flags.hlog !== undefined,
    topics: readNumber('--topics', flags.topics, { min: 1, max: 1_000_000 }),
    topicPrefix: flags.topic,
    share: flags.share,
    qos: readQoS('--qos', flags.qos) ?? 0,
    payloadBytes: readNumber('--size', flags.size, { min: stampBytes, max: 16_777_216 }) ?? 64,
    rate,
    rampMs: seconds('--ramp', flags.ramp, 0),
    warmupMs: seconds('--warmup', flags.warmup, isCounted || scenario === 'sub' ? 0 : DEFAULT_WARMUP_S),
    durationMs: isCounted ? Infinity : (duration ?? DEFAULT_DURATION_S) * SECOND_MS,
    count,
    window: readNumber('--window', flags.window, { min: 1, max: 65_535 }) ?? (rate === 0 ? 100 : 65_535),
    connectRate: readRate('--connect-rate', flags.connectRate, 1e6) ?? DEFAULT_CONNECT_RATE,
    drainMs: seconds('--drain', flags.drain, 3),
    isDurable: flags.durable === true,
    poissonSeed: readSeed(flags, rate),
    thresholds: (flags.failIf ?? []).map(readThreshold),
    isJson: flags.json === true,
    hasProgress: flags.progress !== false && process.stderr.isTTY,
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** Seconds, or a time such as 500ms, 60s, 5m or 1h. */
function readSeconds(flag: string, text: string | undefined, min: number = SECONDS.min): number | undefined {
  const [, count, unit] = /^([\d.]+)(ms|s|m|h)$/.exec(text ?? '') ?? [];
  if (count === undefined) return readNumber(flag, text, { ...SECONDS, min });
  const seconds = Number(count) * UNIT_SECONDS[unit];
  if (Number.isFinite(seconds) && seconds >= min && seconds <= SECONDS.max) return seconds;
  throw new CommandError(`wrenmq: ${flag} ${text}: must be from ${min} to ${SECONDS.max} seconds`, ExitCode.Usage);
}

/** So many a second, with or without /s. */
function readRate(flag: string, text: string | undefined, max: number): number | undefined {
  return readNumber(flag, text?.replace(/\/s$/, ''), { min: 0, max, fraction: true });
}

const WORKERS_MAX = 64;

/** No thread without a client. `auto` leaves a core to the broker. */
function readWorkers(text: string | undefined, clients: number): number {
  if (text === 'auto') return Math.min(clients, WORKERS_MAX, Math.max(1, availableParallelism() - 1));
  const workers = readNumber('--workers', text, { min: 1, max: WORKERS_MAX }) ?? 1;
  if (workers > clients) throw new CommandError(`wrenmq: --workers ${workers}: there are only ${clients} clients`, ExitCode.Usage);
  return workers;
}

/** Each moment is remembered: a rate that makes more of them in a second is none that random moments are for. */
const POISSON_RATE_MAX = 1_000_000;

function readSeed({ poisson, seed }: BenchFlags, rate: number): number | null {
  const given = readNumber('--seed', seed, { min: 0, max: 0xffff_ffff });
  if (poisson !== true && given !== undefined) throw new CommandError('wrenmq: --seed is for --poisson', ExitCode.Usage);
  if (poisson !== true) return null;
  if (rate === 0 || rate > POISSON_RATE_MAX)
    throw new CommandError(`wrenmq: --poisson needs a --rate of at most ${POISSON_RATE_MAX}`, ExitCode.Usage);
  return given ?? Math.floor(Math.random() * 2 ** 32);
}
