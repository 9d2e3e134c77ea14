import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { repository } from '@wrenmq/testkit';
import { describeMachine, describeVersions, type Machine, type Versions } from './machine.ts';
import type { ComparisonResult } from './measure-comparison.ts';
import type { RowResult } from './measure-rows.ts';
import type { ScenarioResult } from './scenarios/scenario.ts';

/** Of which program and when, and how to measure it again. */
export interface Provenance {
  readonly measuredAt: string;
  readonly command: string;
  readonly versions: Versions;
}

export interface Results {
  readonly machine: Machine;
  readonly rows: readonly (RowResult & Provenance)[];
  readonly scenarios: readonly (ScenarioResult & Provenance)[];
  readonly comparisons: readonly (ComparisonResult & Provenance)[];
}

/** What one run has measured. */
export type Measured = { readonly [Kind in Exclude<keyof Results, 'machine'>]?: readonly Omit<Results[Kind][number], keyof Provenance>[] };

/** A file may be from before something could be measured. */
const nothing: Omit<Results, 'machine'> = { rows: [], scenarios: [], comparisons: [] };

/** What was measured on one machine on one day. What is measured again replaces what was there. */
export class ResultsFile {
  readonly #path: string | undefined;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** From the root of the repository. */
  get path(): string {
    return relative(repository, this.#path ?? todaysFile());
  }

  /** The file that was named, or else the newest. */
  read(): { results: Results; path: string } {
    const directory = join(import.meta.dirname, 'results');
    const newest = existsSync(directory)
      ? readdirSync(directory)
          .filter((name) => name.endsWith('.json'))
          .sort()
          .at(-1)
      : undefined;
    const path = this.#path ?? (newest === undefined ? undefined : join(directory, newest));
    if (path === undefined) throw new Error('there are no results yet: run `npm run bench` first');
    return { results: { ...nothing, ...(JSON.parse(readFileSync(path, 'utf8')) as Results) }, path: relative(repository, path) };
  }

  add(measured: Measured, command: string): void {
    const path = this.#path ?? todaysFile();
    const before = { ...nothing, ...(existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : {}) };
    const provenance = { measuredAt: new Date().toISOString(), command, versions: describeVersions() };
    const results: Results = {
      machine: describeMachine(),
      rows: merge(before.rows, measured.rows ?? [], provenance),
      scenarios: merge(before.scenarios, measured.scenarios ?? [], provenance),
      comparisons: merge(before.comparisons, measured.comparisons ?? [], provenance),
    };
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
  }
}

function merge<T extends { name: string }>(
  before: readonly (T & Provenance)[],
  now: readonly T[],
  provenance: Provenance,
): (T & Provenance)[] {
  const kept = before.filter(({ name }) => !now.some((result) => result.name === name));
  return [...kept, ...now.map((result) => ({ ...result, ...provenance }))];
}

function todaysFile(): string {
  const { cpu, cores } = describeMachine();
  const machine = `${cores}-core-${cpu}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return join(import.meta.dirname, 'results', `${new Date().toISOString().slice(0, 10)}-${machine}.json`);
}
