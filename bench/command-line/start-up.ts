/**
 * How long the command line takes to start, beside `node -e 0`:
 *
 *     node bench/command-line/start-up.ts [--rounds N] [name=path/to/wrenmq.mjs ...]
 *
 * Without a path it measures the one of the clone. All contenders run in turn, round by round, and medians are compared: a busy machine
 * slows all of them alike.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '40' } } });
const clone = join(dirname(dirname(import.meta.dirname)), 'packages', 'wrenmq', 'bin', 'wrenmq.mjs');
const programs = positionals.length === 0 ? [`clone=${clone}`] : positionals;

interface Contender {
  readonly name: string;
  readonly args: readonly string[];
  readonly times: number[];
}

const commands = [['--version'], ['explain', '0x87'], ['pub', '--help']];
const contenders: Contender[] = [
  { name: 'node -e 0', args: ['-e', '0'], times: [] },
  ...programs.flatMap((program) => {
    const [name, path] = program.split('=', 2);
    return commands.map((command) => ({ name: `${name}: wrenmq ${command.join(' ')}`, args: [path, ...command], times: [] }));
  }),
];

function run({ args, times }: Contender): void {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  times.push(performance.now() - startedAt);
}

/** The first round fills the caches of the disk and of compiled code. */
for (let round = 0; round <= Number(values.rounds); round += 1) for (const contender of contenders) run(contender);

const medianOf = ({ times }: Contender): number => times.slice(1).toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)];
const base = medianOf(contenders[0]);
console.log(`| command | median, ms | to \`node -e 0\` |\n| --- | --- | --- |`);
for (const contender of contenders) {
  const median = medianOf(contender);
  console.log(`| \`${contender.name}\` | ${median.toFixed(1)} | ${(median / base).toFixed(2)} |`);
}
