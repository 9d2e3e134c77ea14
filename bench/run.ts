/**
 * `npm run bench`: the table of docs/benchmarks.md. With `--scenario NAME` (or `all`) what is measured otherwise.
 *
 *     --rounds N     how often each row is measured (3)
 *     --seconds N    how long each time (5)
 *     --rows A,B     only these rows
 *     --scenario S   these scenarios instead of the table; `all` for every one
 *     --compare C    these comparisons of settings instead of the table, in its rows: `features`, `history`, `explain`
 *     --profile ROW  where the broker spends its time in this row
 *     --out FILE     where results go; a file of today and this machine in bench/results
 *     --no-save      print only
 *     --report       write docs/benchmarks.md from the results file, and measure nothing
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { COMPARISONS } from './comparisons.ts';
import { LOAD_CORE } from './contender.ts';
import { type ComparisonResult, measureComparison, summarizeComparison } from './measure-comparison.ts';
import { writeReport } from './report.ts';
import { measureRows, type RowResult, summarize } from './measure-rows.ts';
import { profileRow } from './profile.ts';
import { type Measured, ResultsFile } from './results-file.ts';
import { ROWS } from './rows.ts';
import { SCENARIOS } from './scenarios/scenarios.ts';
import type { ScenarioResult } from './scenarios/scenario.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '' },
    scenario: { type: 'string', default: '' },
    compare: { type: 'string', default: '' },
    out: { type: 'string' },
    'no-save': { type: 'boolean', default: false },
    profile: { type: 'string', default: '' },
    report: { type: 'boolean', default: false },
  },
});

const list = (text: string): string[] => text.split(',').filter((name) => name !== '');

function known(asked: readonly string[], names: readonly string[]): readonly string[] {
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length === 0) return asked;
  console.error(`bench: there is no ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}

function print(result: RowResult): void {
  const { perCpuSecond, toMosquitto, reached, isMet } = summarize(result);
  const figures = Object.entries(perCpuSecond).map(
    ([name, figure]) => `${name} ${(figure.median / 1000).toFixed(0)}k ±${(figure.spread * 50).toFixed(0)}%`,
  );
  const verdict = isMet ? 'reached' : 'NOT reached';
  const { of, ratio } = result.target;
  console.log(
    `${result.name.padEnd(12)} ${figures.join('  ')}  x mosquitto ${toMosquitto.toFixed(1)}  ${verdict}: ${reached.toFixed(2)} of ${ratio} x ${of}`,
  );
}

function printComparison(result: ComparisonResult): void {
  const { perCpuSecond, ratio, ratioSpread, isMet } = summarizeComparison(result);
  const figures = Object.entries(perCpuSecond).map(
    ([side, figure]) => `${side} ${(figure.median / 1000).toFixed(0)}k ±${(figure.spread * 50).toFixed(0)}%`,
  );
  const verdict = isMet ? 'reached' : 'NOT reached';
  console.log(
    `${result.name.padEnd(20)} ${figures.join('  ')}  ratio ${ratio.toFixed(3)} ±${(ratioSpread * 50).toFixed(0)}%  ${verdict}: ${1 - result.lossMax}`,
  );
}

async function measureScenarios(names: readonly string[], keep: (result: ScenarioResult) => void): Promise<void> {
  for (const name of names) {
    console.log(`── ${name}: ${SCENARIOS[name].title}`);
    const table = await SCENARIOS[name].measure();
    console.table(table.rows.map((row) => Object.fromEntries(table.columns.map((column, at) => [column, row[at]]))));
    keep({ name, title: SCENARIOS[name].title, ...table });
  }
}

async function main(): Promise<void> {
  // Clients live in this process too: off the broker's core with them.
  execFileSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' });
  const file = new ResultsFile(values.out);
  if (values.report) return writeReport(file);
  const rowNames = ROWS.map(({ name }) => name);
  for (const name of known(list(values.profile), rowNames))
    await profileRow(
      ROWS.find((row) => row.name === name)!,
      Number(values.seconds),
    );
  if (values.profile !== '') return;
  const scenarioNames = Object.keys(SCENARIOS);
  const asked = known(values.scenario === 'all' ? scenarioNames : list(values.scenario), scenarioNames);
  const rows = known(list(values.rows), rowNames);
  // What is measured is kept at once: the next may fail.
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim();
  const keep = (measured: Measured): void => {
    if (!values['no-save']) file.add(measured, command);
  };
  if (asked.length > 0) return measureScenarios(asked, (result) => keep({ scenarios: [result] }));
  const options = { rounds: Number(values.rounds), seconds: Number(values.seconds), rows };
  const compared = known(list(values.compare), Object.keys(COMPARISONS));
  for (const name of compared) {
    await measureComparison(name, options, (result) => {
      printComparison(result);
      keep({ comparisons: [result] });
    });
  }
  if (compared.length > 0) return;
  await measureRows(options, (result) => {
    print(result);
    keep({ rows: [result] });
  });
}

await main();
// A library may still hold a handle: everything is measured.
process.exit(0);
