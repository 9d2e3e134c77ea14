import { writeFile } from 'node:fs/promises';
import { CommandError } from '#exit-code.ts';
import type { BenchResult } from './bench-result.ts';
import { hdrIntervals } from './hdr-intervals.ts';
import { hdrLog } from './hdr-log.ts';
import type { RunOutcome } from './run-outcome.ts';

/** `--out` and `--csv`: the result, and its seconds, in files. */
export async function writeResult(result: BenchResult, out: string | undefined, csv: string | undefined): Promise<void> {
  if (out !== undefined) await write('--out', out, `${JSON.stringify(result, null, 2)}\n`);
  if (csv !== undefined) await write('--csv', csv, csvOf(result));
}

/** `--hlog`: the histograms of the run, interval by interval, for the tools of HdrHistogram. */
export async function writeHistograms(file: string, result: BenchResult, outcome: RunOutcome, startedAt: Date): Promise<void> {
  const { scenario, url, options, invalid } = result;
  const remarks = [
    `wrenmq bench ${scenario} ${url} ${JSON.stringify(options)}, times in nanoseconds`,
    ...invalid.map((reason) => `INVALID: ${reason}`),
  ];
  await write('--hlog', file, hdrLog(startedAt, remarks, hdrIntervals(outcome)));
}

function csvOf({ series }: BenchResult): string {
  const head = 'second,sent,acknowledged,received,p50Ms,p99Ms,maxMs';
  const rows = series.map(({ sent, acknowledged, received, p50Ms, p99Ms, maxMs }, second) =>
    [second, sent, acknowledged, received, p50Ms ?? '', p99Ms ?? '', maxMs ?? ''].join(','),
  );
  return `${[head, ...rows].join('\n')}\n`;
}

async function write(flag: string, file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: Error) => {
    throw new CommandError(`wrenmq: ${flag} ${file}: ${error.message}`);
  });
}
