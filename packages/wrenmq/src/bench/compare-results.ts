import { readFile } from 'node:fs/promises';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { BenchResult } from './bench-result.ts';
import type { MeasuredSecond } from './second-series.ts';
import { seededRandom } from './poisson-schedule.ts';

/** How one figure of a second run differs from that of a first. */
export interface Difference {
  readonly name: string;
  /** Means over the seconds of each run. */
  readonly before: number;
  readonly after: number;
  readonly delta: number;
  /** In which the difference lies with 95 % probability; null when there are too few seconds to tell. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly isSignificant: boolean;
}

export interface Comparison {
  readonly schema: 'wrenmq.bench.compare/1';
  readonly differences: readonly Difference[];
  /** Why the two runs should not be compared. */
  readonly warnings: readonly string[];
}

const FIGURES = ['sent', 'acknowledged', 'received', 'p50Ms', 'p99Ms'] as const;
const RESAMPLES = 2000;
const SECONDS_MIN = 5;
/** Two runs must not differ in what was asked for. */
const IGNORED_OPTIONS: ReadonlySet<string> = new Set(['seed']);

/** `wrenmq bench compare A.json B.json` */
export async function compareFiles(before: string, after: string, flags: { readonly json?: true }): Promise<void> {
  const comparison = compareResults(await readResult(before), await readResult(after));
  console.log(flags.json === true ? JSON.stringify(comparison) : renderComparison(comparison));
}

export function compareResults(before: BenchResult, after: BenchResult): Comparison {
  const differences = FIGURES.flatMap((name) => {
    const [one, other] = [valuesOf(before.series, name), valuesOf(after.series, name)];
    return one.length === 0 || other.length === 0 || [...one, ...other].every((value) => value === 0)
      ? []
      : [differenceOf(name, one, other)];
  });
  return { schema: 'wrenmq.bench.compare/1', differences, warnings: warningsAbout(before, after) };
}

function differenceOf(name: string, one: readonly number[], other: readonly number[]): Difference {
  const [before, after] = [meanOf(one), meanOf(other)];
  const interval = Math.min(one.length, other.length) < SECONDS_MIN ? null : bootstrapInterval(one, other);
  const isSignificant = interval !== null && (interval[0] > 0 || interval[1] < 0);
  return { name, before, after, delta: after - before, interval, isSignificant };
}

/** The middle 95 % of differences between means of seconds that are drawn, with putting back, from each run. The same runs give the same. */
function bootstrapInterval(one: readonly number[], other: readonly number[]): readonly [number, number] {
  const random = seededRandom(one.length * 65_537 + other.length);
  const draw = (values: readonly number[]): number => meanOf(values.map(() => values[Math.floor(random() * values.length)]));
  const differences = Array.from({ length: RESAMPLES }, () => draw(other) - draw(one)).toSorted((a, b) => a - b);
  return [differences[Math.floor(RESAMPLES * 0.025)], differences[Math.ceil(RESAMPLES * 0.975) - 1]];
}

function valuesOf(series: readonly MeasuredSecond[], name: (typeof FIGURES)[number]): number[] {
  return series.map((second) => second[name]).filter((value) => value !== null);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function warningsAbout(before: BenchResult, after: BenchResult): string[] {
  const warnings: string[] = [];
  for (const [name, result] of Object.entries({ first: before, second: after }))
    if (!result.isValid) warnings.push(`the ${name} run is INVALID: ${result.invalid.join('; ')}`);
  if (before.scenario !== after.scenario) warnings.push(`the scenarios differ: ${before.scenario}, ${after.scenario}`);
  // An older result may lack an option that did not exist.
  for (const name of Object.keys(before.options))
    if (!IGNORED_OPTIONS.has(name) && name in after.options && before.options[name] !== after.options[name])
      warnings.push(`the runs differ in ${name}: ${before.options[name]}, ${after.options[name]}`);
  for (const name of ['node', 'cpu', 'cores', 'platform'])
    if (before.environment[name] !== after.environment[name])
      warnings.push(`the machines differ in ${name}: ${before.environment[name]}, ${after.environment[name]}`);
  return warnings;
}

function renderComparison({ differences, warnings }: Comparison): string {
  const lines = differences.map(({ name, before, after, delta, interval, isSignificant }) => {
    const share = before === 0 ? '' : ` (${delta >= 0 ? '+' : ''}${((delta / before) * 100).toFixed(1)} %)`;
    const verdict =
      interval === null
        ? `too few seconds to tell (${SECONDS_MIN} are needed)`
        : isSignificant
          ? `95 % interval ${signed(interval[0])} to ${signed(interval[1])}`
          : 'no significant difference';
    return `${name.padEnd(14)} ${figure(before).padStart(12)} -> ${figure(after).padStart(12)}  ${signed(delta)}${share}  ${verdict}`;
  });
  const isTold = differences.some(({ interval }) => interval !== null);
  if (isTold && differences.every(({ isSignificant }) => !isSignificant)) lines.push('no significant difference');
  return [...warnings.map((warning) => `warning: ${warning}`), ...lines].join('\n');
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${figure(Math.abs(value))}`;
}

function figure(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 3 : 0 });
}

async function readResult(file: string): Promise<BenchResult> {
  try {
    const result = JSON.parse(await readFile(file, 'utf8')) as Partial<BenchResult>;
    if (result.schema !== 'wrenmq.bench/1' || result.series === undefined) throw new Error('this is no result of wrenmq bench');
    if (result.scenario === 'conn') throw new Error('a result of bench conn has no seconds to compare');
    return result as BenchResult;
  } catch (error) {
    throw new CommandError(`wrenmq: ${file}: ${(error as Error).message}`, ExitCode.Usage);
  }
}
