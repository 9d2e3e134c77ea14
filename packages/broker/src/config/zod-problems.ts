import type { z } from 'zod';
import type { ConfigProblem } from './config-error.ts';
import { type ConfigNode, nearestNode, nodeAt, type Origin } from './config-node.ts';
import { formatPath, variableOf } from './key-path.ts';
import { keySuggestion, nearestKey } from './nearest-key.ts';

/** Says in words of the configuration what zod found; never repeats a value, which may be a secret. */
export function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
  const must = issue.input === undefined ? 'is missing: it must be' : 'must be';
  if (issue.code === 'invalid_type') return `${must} ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `${must} one of ${issue.values.join(', ')}`;
  if (issue.code === 'too_small') return boundary(issue.origin, 'at least', issue.minimum);
  if (issue.code === 'too_big') return boundary(issue.origin, 'at most', issue.maximum);
  return undefined;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of names',
};

function boundary(origin: string, word: string, limit: number | bigint): string {
  if (origin === 'string') return limit === 1 ? 'must not be empty' : `must have ${word} ${limit} characters`;
  return origin === 'array' ? `must have ${word} ${limit} items` : `must be ${word} ${limit}`;
}

/** Problems with their places. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], root: ConfigNode): ConfigProblem[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey([...issue.path.map(String), name], root));
    const message = issue.code === 'invalid_key' ? `the name ${issue.issues[0]?.message ?? 'is not allowed'}` : issue.message;
    return [problemAt(issue.path.map(String), message, root)];
  });
}

export function problemAt(path: readonly string[], message: string, root: ConfigNode, suggestion?: string): ConfigProblem {
  return { path: formatPath(path), message, ...placeOf(nearestNode(root, path).at), ...(suggestion === undefined ? {} : { suggestion }) };
}

function unknownKey(path: readonly string[], root: ConfigNode): ConfigProblem {
  const at = nodeAt(root, path)?.keyAt ?? nearestNode(root, path).at;
  const nearest = at.layer === 'environment' ? nearestKey(path) : null;
  const suggestion = nearest === null ? keySuggestion(path) : `did you mean ${variableOf(nearest)}?`;
  return { path: formatPath(path), message: 'is not a key', ...placeOf(at), suggestion };
}

export function placeOf(at: Origin): Pick<ConfigProblem, 'file' | 'line' | 'column' | 'source'> {
  const { file, line, column, source } = at;
  return {
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    ...(source === undefined ? {} : { source }),
  };
}
