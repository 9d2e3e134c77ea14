import { type Comparison, COMPARISONS, type Side, SIDES } from './comparisons.ts';
import { startContender } from './contender.ts';
import { loadAverage } from './machine.ts';
import type { RowOptions } from './measure-rows.ts';
import { type LoadResult, Mqload } from './mqload.ts';
import { ROWS, type Row } from './rows.ts';
import { median, spread } from './statistics.ts';

/** One row of one comparison. */
export interface ComparisonResult {
  /** Of comparison and row: `features/pair`. */
  readonly name: string;
  readonly title: string;
  readonly load: string;
  readonly lossMax: number;
  readonly seconds: number;
  /** Every run; those of the same place were made one after the other. */
  readonly runs: Readonly<Record<Side, readonly LoadResult[]>>;
  readonly loadAverage: number;
}

/** Runs the rows of the table on both sides in turn, each time as a new process with new data; who is first changes every round. */
export async function measureComparison(name: string, options: RowOptions, onResult: (result: ComparisonResult) => void): Promise<void> {
  const mqload = new Mqload();
  for (const row of ROWS.filter((one) => options.rows.length === 0 || options.rows.includes(one.name))) {
    onResult({ ...(await measureRow(mqload, row, COMPARISONS[name], options)), name: `${name}/${row.name}` });
  }
}

async function measureRow(
  mqload: Mqload,
  row: Row,
  { sides, lossMax }: Comparison,
  { rounds, seconds }: RowOptions,
): Promise<ComparisonResult> {
  const runs: Record<Side, LoadResult[]> = { without: [], with: [] };
  const busy = loadAverage();
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      await using broker = await startContender('wrenmq', { settings: sides[side] });
      runs[side].push(await mqload.load(broker, row.load, seconds));
    }
  }
  const { name, title, load } = row;
  return { name, title, load, lossMax, seconds, runs, loadAverage: busy };
}

export interface ComparisonSummary {
  /** Messages per CPU-second, median, and how far the runs lie apart. */
  readonly perCpuSecond: Readonly<Record<Side, { readonly median: number; readonly spread: number }>>;
  /** With to without, the median of the rounds: what disturbs a machine disturbs neighbours in time alike. */
  readonly ratio: number;
  readonly ratioSpread: number;
  readonly isMet: boolean;
}

export function summarizeComparison({ runs, lossMax }: ComparisonResult): ComparisonSummary {
  const figures = (side: Side): number[] => runs[side].map(({ perCpuSecond }) => perCpuSecond);
  const of = (side: Side) => ({ median: median(figures(side)), spread: spread(figures(side)) });
  const without = figures('without');
  const ratios = figures('with').map((figure, round) => figure / without[round]);
  const ratio = median(ratios);
  return {
    perCpuSecond: { without: of('without'), with: of('with') },
    ratio,
    ratioSpread: spread(ratios),
    isMet: ratio >= 1 - lossMax,
  };
}
