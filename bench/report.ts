import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@wrenmq/testkit';
import type { ContenderName } from './contender.ts';
import { COMPARISONS } from './comparisons.ts';
import { type ComparisonResult, summarizeComparison } from './measure-comparison.ts';
import { type RowResult, summarize } from './measure-rows.ts';
import type { Provenance, Results, ResultsFile } from './results-file.ts';
import { ROWS } from './rows.ts';
import type { ScenarioResult } from './scenarios/scenario.ts';
import { SCENARIOS } from './scenarios/scenarios.ts';

/** Writes the measured parts of docs/benchmarks.md, between its markers; what explains them is written by hand. */
export function writeReport(file: ResultsFile): void {
  const { results, path } = file.read();
  const document = join(repository, 'docs', 'benchmarks.md');
  const parts: Record<string, string> = {
    machine: machineText(results, path),
    rows: rowsTable(results.rows),
    latency: latencyTable(results.rows),
    comparisons: comparisonTables(results.comparisons),
    scenarios: scenarioTables(results.scenarios),
  };
  let text = readFileSync(document, 'utf8');
  for (const [name, part] of Object.entries(parts)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${document} has no place for ${name}: ${begin} ... ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
  }
  writeFileSync(document, text);
  console.log(`docs/benchmarks.md: from ${path}`);
}

function machineText({ machine, rows, scenarios, comparisons }: Results, path: string): string {
  const { cpu, cores, memoryGiB, kernel, fileSystem } = machine;
  const all: readonly Provenance[] = [...rows, ...comparisons, ...scenarios];
  const of = (value: (provenance: Provenance) => string): string => [...new Set(all.map(value))].sort().join(', ');
  return [
    `- machine: ${cpu}, ${cores} cores, ${memoryGiB} GiB of memory, Linux ${kernel}, data on ${fileSystem}`,
    `- versions: WrenMQ commit ${of(({ versions }) => versions.commit)} (\`+\`: with changes that were not committed), Node.js ${of(({ versions }) => versions.node)}, mosquitto ${of(({ versions }) => versions.mosquitto)}`,
    `- measured: ${of(({ measuredAt }) => measuredAt.slice(0, 10))} by ${of(({ command }) => `\`${command}\``)}`,
    `- load average of the machine before each row: ${[...rows, ...comparisons].map((row) => row.loadAverage).join(', ')}`,
    `- every run: [${path}](../${path})`,
  ].join('\n');
}

function rowsTable(rows: Results['rows']): string {
  const lines = inOrder(
    rows,
    ROWS.map(({ name }) => name),
  ).map((row) => {
    const { perCpuSecond, toMosquitto, toCeiling, reached, isMet } = summarize(row);
    const figure = (name: ContenderName): string => {
      const found = perCpuSecond[name];
      return found === undefined ? '-' : `${thousands(found.median)} (${plusMinus(found.spread)})`;
    };
    const verdict = `${reached.toFixed(2)} of ${row.target.ratio} x ${row.target.of}: ${isMet ? 'reached' : '**not reached**'}`;
    const ratios = [toMosquitto.toFixed(1), toCeiling === null ? '-' : toCeiling.toFixed(2)];
    return [`${row.title}: \`${row.load}\``, figure('wrenmq'), figure('mosquitto'), figure('ceiling'), ...ratios, verdict];
  });
  return table(['scenario', 'WrenMQ', 'mosquitto', 'ceiling', 'to mosquitto', 'to the ceiling', 'target'], lines);
}

/** The middle run's figures: how many messages per second that was, and how long they took. */
function latencyTable(rows: Results['rows']): string {
  const names: ContenderName[] = ['wrenmq', 'mosquitto', 'ceiling'];
  const lines = inOrder(
    rows,
    ROWS.map(({ name }) => name),
  ).map((row) => [row.title, ...names.flatMap((name) => latencyOf(row, name))]);
  return table(['scenario', ...names.flatMap((name) => [`${name}, out/s`, 'p50 / p99, ms'])], lines);
}

function latencyOf(row: RowResult, name: ContenderName): string[] {
  const runs = row.runs[name];
  if (runs === undefined) return ['-', '-'];
  const middle = runs.toSorted((a, b) => a.perCpuSecond - b.perCpuSecond)[runs.length >> 1];
  const ms = (us: number): string => (us / 1000).toFixed(us < 10_000 ? 1 : 0);
  return [`${thousands(middle.out)} k`, `${ms(middle.p50us)} / ${ms(middle.p99us)}`];
}

function comparisonTables(results: readonly ComparisonResult[]): string {
  return Object.entries(COMPARISONS)
    .filter(([name]) => results.some((result) => result.name.startsWith(`${name}/`)))
    .map(([name, { title, lossMax }]) => {
      const order = ROWS.map((row) => `${name}/${row.name}`);
      const rows = inOrder(
        results.filter((result) => order.includes(result.name)),
        order,
      ).map((result) => {
        const { perCpuSecond, ratio, ratioSpread, isMet } = summarizeComparison(result);
        const figures = [perCpuSecond.without, perCpuSecond.with].map(
          (figure) => `${thousands(figure.median)} (${plusMinus(figure.spread)})`,
        );
        return [result.title, ...figures, `${ratio.toFixed(3)} (${plusMinus(ratioSpread)})`, isMet ? 'reached' : '**not reached**'];
      });
      const columns = ['scenario', 'without', 'with', 'with to without', `target: ${1 - lossMax}`];
      return `### ${capitalized(title)}\n\n\`--compare ${name}\`\n\n${table(columns, rows)}`;
    })
    .join('\n\n');
}

/** Half the distance between the best and the worst round. */
function plusMinus(distance: number): string {
  return `±${Math.round(distance * 50)} %`;
}

function capitalized(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

function scenarioTables(scenarios: readonly ScenarioResult[]): string {
  return inOrder(scenarios, Object.keys(SCENARIOS))
    .map(({ name, title, columns, rows }) => `### ${capitalized(title)}\n\n\`--scenario ${name}\`\n\n${table(columns, rows)}`)
    .join('\n\n');
}

function inOrder<T extends { name: string }>(results: readonly T[], names: readonly string[]): T[] {
  return results.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

function thousands(value: number): string {
  return Math.round(value / 1000)
    .toLocaleString('en')
    .replaceAll(',', ' ');
}

/** As the formatter would write it. */
function table(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(cells[0]), line(widths.map((width) => '-'.repeat(width))), ...cells.slice(1).map(line)].join('\n');
}
