/**
 * How long the command line takes to start, beside `node -e 0`:
 *
 *     node bench/command-line/start-up.ts [--rounds N] [--port PORT] [name=path/to/wrenmq.mjs ...]
 *
 * With the port of a broker on this machine, also `wrenmq pub` to it, from end to end.
 * Without a path it measures the one of the clone. All contenders run in turn, round by round, and medians are compared: a busy machine
 * slows all of them alike.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '40' }, port: { type: 'string' } },
});
const clone = join(dirname(dirname(import.meta.dirname)), 'packages', 'wrenmq', 'bin', 'wrenmq.mjs');
const programs = positionals.length === 0 ? [`clone=${clone}`] : positionals;

interface Contender {
  readonly name: string;
  readonly args: readonly string[];
  readonly times: number[];
  /** Of the processor, all threads together. */
  readonly cpuTimes: number[];
}

const publish = ['pub', '-h', '127.0.0.1', '-p', values.port ?? '', '-t', 'wrenmq/start-up', '-m', 'x', '-q', '1'];
const commands = [['--version'], ['explain', '0x87'], ['pub', '--help'], ...(values.port === undefined ? [] : [publish])];
const contenders: Contender[] = [
  { name: 'node -e 0', args: ['-e', '0'], times: [], cpuTimes: [] },
  ...programs.flatMap((program) => {
    const [name, path] = program.split('=', 2);
    return commands.map((command) => ({ name: `${name}: wrenmq ${command.join(' ')}`, args: [path, ...command], times: [], cpuTimes: [] }));
  }),
];

const TICK_MS = 10;

/** What children that have ended have used, from proc(5). */
function cpuOfChildrenMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  const [user, system] = [Number(fields[13]), Number(fields[14])];
  return (user + system) * TICK_MS;
}

function run({ args, times, cpuTimes }: Contender): void {
  const cpuBefore = cpuOfChildrenMs();
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  times.push(performance.now() - startedAt);
  cpuTimes.push(cpuOfChildrenMs() - cpuBefore);
}

/** The first round fills the caches of the disk and of compiled code. */
for (let round = 0; round <= Number(values.rounds); round += 1) for (const contender of contenders) run(contender);

const medianOf = ({ times }: Contender): number => times.slice(1).toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)];
const base = medianOf(contenders[0]);
// Ticks are too coarse for a median.
const meanCpuOf = ({ cpuTimes }: Contender): number => cpuTimes.slice(1).reduce((sum, ms) => sum + ms, 0) / (cpuTimes.length - 1);
console.log(`| command | median, ms | to \`node -e 0\` | CPU, mean ms |\n| --- | --- | --- | --- |`);
for (const contender of contenders) {
  const median = medianOf(contender);
  console.log(`| \`${contender.name}\` | ${median.toFixed(1)} | ${(median / base).toFixed(2)} | ${meanCpuOf(contender).toFixed(0)} |`);
}
