import { type ContenderName, startContender } from './contender.ts';
import { loadAverage } from './machine.ts';
import { type LoadResult, Mqload } from './mqload.ts';
import { ROWS, type Row } from './rows.ts';
import { median, spread } from './statistics.ts';

export interface RowOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Names of rows; all when empty. */
  readonly rows: readonly string[];
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly load: string;
  readonly target: Row['target'];
  readonly seconds: number;
  /** Every run, in the order in which they were made. */
  readonly runs: Readonly<Partial<Record<ContenderName, readonly LoadResult[]>>>;
  readonly loadAverage: number;
}

/** Runs the table: row by row and round by round all contenders in turn, each on a process and data of its own. */
export async function measureRows(options: RowOptions, onResult: (result: RowResult) => void): Promise<void> {
  const mqload = new Mqload();
  for (const row of ROWS.filter(({ name }) => options.rows.length === 0 || options.rows.includes(name))) {
    onResult(await measureRow(mqload, row, options));
  }
}

async function measureRow(mqload: Mqload, row: Row, { rounds, seconds }: RowOptions): Promise<RowResult> {
  const names: ContenderName[] = row.hasCeiling ? ['wrenmq', 'mosquitto', 'ceiling'] : ['wrenmq', 'mosquitto'];
  const runs: Partial<Record<ContenderName, LoadResult[]>> = {};
  const busy = loadAverage();
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      // mqload takes the same client ids again: sessions of an earlier run would bring it messages that it does not know.
      await using broker = await startContender(name);
      (runs[name] ??= []).push(await mqload.load(broker, row.load, seconds));
    }
  }
  const { name, title, load, target } = row;
  return { name, title, load, target, seconds, runs, loadAverage: busy };
}

/** What a row comes to. */
export interface RowSummary {
  /** Messages per CPU-second, median, and how far the runs lie apart. */
  readonly perCpuSecond: Readonly<Partial<Record<ContenderName, { readonly median: number; readonly spread: number }>>>;
  readonly toMosquitto: number;
  readonly toCeiling: number | null;
  /** What was reached of the ratio that was to be reached, and whether that is enough. */
  readonly reached: number;
  readonly isMet: boolean;
}

export function summarize({ runs, target }: RowResult): RowSummary {
  const perCpuSecond: Partial<Record<ContenderName, { median: number; spread: number }>> = {};
  for (const [name, results] of Object.entries(runs)) {
    const figures = results.map((result) => result.perCpuSecond);
    perCpuSecond[name as ContenderName] = { median: median(figures), spread: spread(figures) };
  }
  const own = perCpuSecond.wrenmq!.median;
  const toMosquitto = own / perCpuSecond.mosquitto!.median;
  const toCeiling = perCpuSecond.ceiling === undefined ? null : own / perCpuSecond.ceiling.median;
  const reached = target.of === 'ceiling' ? toCeiling! : toMosquitto;
  return { perCpuSecond, toMosquitto, toCeiling, reached, isMet: reached >= target.ratio && toMosquitto >= 1 };
}
