import type { z } from 'zod';
import { type KeyPath, formatPath } from './key-path.ts';
import { configSchema } from './schema.ts';
import { entryOf, schemaAt, shapeOf } from './schema-tree.ts';

/** The key that somebody may have meant: a similar one beside it, else the same or a similar one elsewhere; null when nothing is near. */
export function nearestKey(path: KeyPath): string[] | null {
  const parent = path.slice(0, -1);
  const wanted = path[path.length - 1];
  const schema = schemaAt(parent);
  const beside = nearestOf(wanted, Object.keys((schema === null ? null : shapeOf(schema)) ?? {}));
  if (beside !== null) return [...parent, beside];
  const everywhere = allKeys(configSchema, []);
  const exact = everywhere.find((candidate) => candidate[candidate.length - 1].toLowerCase() === wanted.toLowerCase());
  if (exact !== undefined) return exact;
  const name = nearestOf(
    wanted,
    everywhere.map((candidate) => candidate[candidate.length - 1]),
  );
  return name === null ? null : (everywhere.find((candidate) => candidate[candidate.length - 1] === name) ?? null);
}

/** The candidate that differs in at most a third of its letters, or that begins or ends like the wanted one. */
function nearestOf(wanted: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = editDistance(wanted.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best !== null && bestDistance <= Math.max(1, Math.floor(Math.max(wanted.length, best.length) / 3)) ? best : null;
}

function allKeys(schema: z.ZodType, path: KeyPath): string[][] {
  const shape = shapeOf(schema);
  if (shape !== null) return Object.entries(shape).flatMap(([name, child]) => [[...path, name], ...allKeys(child, [...path, name])]);
  const entry = entryOf(schema);
  return entry === null ? [] : allKeys(entry, [...path, '<name>']);
}

/** Insertions, deletions, replacements and swapped neighbours. Inputs longer than any key are as far as can be. */
function editDistance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > 64) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}

/** `did you mean ...?`, or where all keys are written. */
export function keySuggestion(path: KeyPath): string {
  const nearest = nearestKey(path);
  return nearest === null ? 'every key is in docs/configuration.md and in `wrenmq config schema`' : `did you mean ${formatPath(nearest)}?`;
}
