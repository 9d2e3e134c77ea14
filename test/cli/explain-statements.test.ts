import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mqtt311Clauses, mqtt5Clauses } from '#root/test/conformance/clauses.ts';
import { runWrenmq } from './run-tool.ts';

for (const [prefix, chapters, clauses] of [
  ['mqtt', ['1', '2', '3', '4', '6'], mqtt5Clauses],
  ['mqtt311', ['1', '2', '3', '4', '6', '7'], mqtt311Clauses],
] as const)
  test(`explain ${prefix}: knows the statements that the conformance tests go by`, async () => {
    const told: unknown[] = [];
    for (const chapter of chapters) {
      const { stdout } = await runWrenmq(['explain', `${prefix}:${chapter}`, '--json']);
      for (const line of stdout.trim().split('\n')) {
        const { id, binds, summary } = JSON.parse(line) as { id: string; binds: string; summary: string };
        told.push({ id, subject: binds, summary });
      }
    }
    assert.deepEqual(told, clauses);
  });
