import type { ConfigProblem } from './config-error.ts';
import { emptyMap, type MapNode, nodeOf, putAt } from './config-node.ts';
import { parsePath, splitAssignment } from './key-path.ts';
import { readTextValue } from './read-text-value.ts';
import { schemaAt } from './schema-tree.ts';

const source = '--set';

/** The layer of `--set a.b.c=value`; a later one wins. What is no assignment is added to `problems`. */
export function readAssignments(assignments: readonly string[], problems: ConfigProblem[]): MapNode {
  const root = emptyMap({ layer: 'command line' });
  for (const assignment of assignments) {
    const parts = splitAssignment(assignment);
    const path = parts === null ? null : parsePath(parts.path);
    if (parts === null || path === null) {
      // The value may be a secret: no more than the key is repeated.
      problems.push({
        path: /^[\w."-]*/.exec(assignment)?.[0] ?? '',
        source,
        message: 'is not of the form key=value',
        suggestion: 'write for example --set listeners.tcp.bind=127.0.0.1:1883',
      });
      continue;
    }
    putAt(root, path, nodeOf(readTextValue(parts.value, schemaAt(path)), { layer: 'command line', source }));
  }
  return root;
}
