import assert from 'node:assert/strict';
import { wrenmq } from './run-wrenmq.ts';

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What the tests look at in a result of `wrenmq bench`. */
export interface Result {
  readonly schema: string;
  readonly version: string;
  readonly isValid: boolean;
  readonly invalid: readonly string[];
  readonly loop: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly latency: Latency | null;
  readonly acknowledgement: Latency | null;
  readonly connect: Latency | null;
  readonly storm: (Readonly<Record<'clients' | 'served' | 'unserved' | 'sessionsResumed', number>> & { readonly latency: Latency }) | null;
  readonly generator: { readonly workers: readonly unknown[] };
  readonly broker: (Readonly<Record<string, number | null>> & { readonly dropped: Readonly<Record<string, number>> }) | null;
}

/** The exit code of a result that cannot be relied upon. */
export const INVALID = 6;

/** Counts of a run in which nothing went wrong. */
export const whole = { lost: 0, duplicates: 0, outOfOrder: 0, missed: 0, lostConnections: 0, failed: 0 };

/** Runs a scenario. Whether it is VALID is a matter of the machine, so both are right, as long as the exit code says the same. */
export async function runBench(port: number, scenario: string, ...args: readonly string[]): Promise<Result> {
  const { status, stdout, stderr } = await wrenmq('bench', scenario, '-h', '127.0.0.1', '-p', String(port), '--json', ...args);
  assert.notEqual(stdout, '', stderr);
  const result = JSON.parse(stdout) as Result;
  assert.equal(status, result.isValid ? 0 : INVALID, stderr);
  assert.equal(result.invalid.length > 0, !result.isValid);
  assert.equal(result.schema, 'wrenmq.bench/1');
  for (const latency of [result.latency, result.acknowledgement, result.connect]) {
    if (latency === null) continue;
    // The largest is exact, the others to a thousandth.
    assert.ok(
      latency.count > 0 && latency.p50Ms <= latency.p99Ms && latency.p99Ms <= latency.maxMs * 1.001 + 0.001,
      JSON.stringify(latency),
    );
  }
  return result;
}
