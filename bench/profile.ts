import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tempDirectory } from '@wrenmq/testkit';
import { startContender } from './contender.ts';
import { Mqload } from './mqload.ts';
import type { Row } from './rows.ts';

const LINES = 30;

/** The part of a V8 CPU profile that is read here. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { functionName: string; url: string; lineNumber: number } }[];
  readonly samples: readonly number[];
}

/** Where the broker's main thread spends its time in a row: functions by their own time, as parts of all time that is not idle. */
export async function profileRow(row: Row, seconds: number): Promise<void> {
  await using directory = await tempDirectory('wrenmq-bench-profile-');
  {
    await using broker = await startContender('wrenmq', { nodeOptions: `--cpu-prof --cpu-prof-dir=${directory.path}` });
    const result = await new Mqload().load(broker, row.load, seconds);
    console.log(
      `${row.name}: user ${result.user} s, system ${result.system} s, ${Math.round(result.perCpuSecond / 1000)}k messages per CPU-second`,
    );
    // The profile is written at an orderly end.
    await broker.end('SIGTERM');
  }
  const file = readdirSync(directory.path).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the broker has written no profile');
  printProfile(JSON.parse(readFileSync(join(directory.path, file), 'utf8')) as CpuProfile);
}

function printProfile({ nodes, samples }: CpuProfile): void {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`;
      return [id, `${functionName === '' ? '(anonymous)' : functionName}${place}`];
    }),
  );
  const counts = new Map<string, number>();
  let busy = 0;
  for (const sample of samples) {
    const name = names.get(sample)!;
    if (name === '(idle)') continue;
    busy += 1;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, LINES)) {
    console.log(`${((count / busy) * 100).toFixed(1).padStart(6)} %  ${name}`);
  }
}
