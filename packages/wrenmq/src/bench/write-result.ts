import { writeFile } from 'node:fs/promises';
import { CommandError } from '#exit-code.ts';
import type { BenchResult } from './bench-result.ts';

/** `--out` and `--csv`: the result, and its seconds, in files. */
export async function writeResult(result: BenchResult, out: string | undefined, csv: string | undefined): Promise<void> {
  if (out !== undefined) await write('--out', out, `${JSON.stringify(result, null, 2)}\n`);
  if (csv !== undefined) await write('--csv', csv, csvOf(result));
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
