import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { ConfigProblem } from './config-error.ts';
import { type ConfigNode, emptyMap, type MapNode, nodeOf, putAt } from './config-node.ts';
import { readTextValue } from './read-text-value.ts';
import { configSchema } from './schema.ts';
import { childOf, entryOf, schemaAt, shapeOf } from './schema-tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const prefix = 'WRENMQ_';
/** What Kubernetes and container links put into the environment when a service is called `wrenmq`: not meant for us. */
const serviceLink = /^WRENMQ_(?:[A-Z0-9_]+_)?(?:SERVICE_(?:HOST|PORT)|PORT)(?:_.*)?$/;

/**
 * The layer of `WRENMQ_...` variables: `__` between keys, `_` inside a key as one likes, upper or lower case alike.
 * `..._FILE` takes the value from a file (a mounted secret); one that cannot be read is added to `problems`.
 * `known` is what the layers below hold: names of listeners and users.
 */
export function readEnvironment(env: Environment, known: MapNode, problems: ConfigProblem[]): MapNode {
  const root = emptyMap({ layer: 'environment' });
  for (const variable of Object.keys(env).sort()) {
    const text = env[variable];
    if (text === undefined || !variable.toUpperCase().startsWith(prefix)) continue;
    if (!variable.includes('__') && serviceLink.test(variable)) continue;
    const { path, value } = readVariable({ variable, text }, known, problems);
    if (value !== null) putAt(root, path, nodeOf(readTextValue(value, schemaAt(path)), { layer: 'environment', source: variable }));
  }
  return root;
}

interface Variable {
  readonly variable: string;
  readonly text: string;
}

/** The key that a variable means and the text that it gives; null when that is in a file that cannot be read. */
function readVariable({ variable, text }: Variable, known: MapNode, problems: ConfigProblem[]): { path: string[]; value: string | null } {
  const words = variable.slice(prefix.length).split('__');
  const last = words[words.length - 1];
  const path = resolveNames(words, known);
  if (schemaAt(path) === null && /_FILE$/i.test(last)) {
    const filePath = resolveNames([...words.slice(0, -1), last.slice(0, -'_FILE'.length)], known);
    if (schemaAt(filePath) !== null) return { path: filePath, value: readSecret(text, variable, problems) };
  }
  return { path, value: text };
}

function readSecret(file: string, variable: string, problems: ConfigProblem[]): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    problems.push({ path: '', source: variable, message: `names the file ${file}, which ${reason}` });
    return null;
  }
}

/** Finds the key or name that each word means; a word that means nothing becomes camel case, to be reported or to be a new name. */
function resolveNames(words: readonly string[], known: MapNode): string[] {
  let schema: z.ZodType | null = configSchema;
  let node: ConfigNode | undefined = known;
  return words.map((word) => {
    const names = [...(schema === null ? [] : Object.keys(shapeOf(schema) ?? {})), ...(node?.kind === 'map' ? node.children.keys() : [])];
    const name = names.find((candidate) => normalize(candidate) === normalize(word)) ?? camelCase(word);
    node = node?.kind === 'map' ? node.children.get(name) : undefined;
    schema = schema === null ? null : (childOf(schema, name) ?? entryOf(schema));
    return name;
  });
}

function normalize(name: string): string {
  return name.replaceAll(/[_-]/g, '').toLowerCase();
}

function camelCase(word: string): string {
  return word.toLowerCase().replaceAll(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
