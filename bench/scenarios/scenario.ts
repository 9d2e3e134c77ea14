/** What a scenario found: a table, as it stands in docs/benchmarks.md. */
export interface ScenarioTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface ScenarioResult extends ScenarioTable {
  readonly name: string;
  readonly title: string;
}

export interface Scenario {
  readonly title: string;
  /** Runs it, in processes of its own, for a bounded time. */
  measure(): Promise<ScenarioTable>;
}
