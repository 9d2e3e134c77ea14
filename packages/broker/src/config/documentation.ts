import { stringify } from 'yaml';
import { z } from 'zod';
import { formatPath, type KeyPath, variableOf } from './key-path.ts';
import { configSchema } from './schema.ts';
import { type Effect, factsOf } from './schema-key.ts';
import { childOf, defaultOf, entryOf, innermost, isOptional, itemOf, shapeOf } from './schema-tree.ts';

const introduction = `# Configuration

<!-- Made from the schema by scripts/generate-configuration-docs.ts: change the schema, not this file. -->

WrenMQ needs no configuration to start. What you want otherwise goes into a YAML file (\`wrenmq start --config wrenmq.yaml\`), into
environment variables, or onto the command line. Later layers win, key by key:

1. the defaults below
2. the file: YAML 1.2, or JSON
3. the environment: \`WRENMQ_LISTENERS__TCP__BIND=127.0.0.1:1883\`; two underscores between keys; add \`_FILE\` to take the value from a file
4. the command line: \`--set listeners.tcp.bind=127.0.0.1:1883\`, as often as needed; a name with dots is quoted: \`users."a.b"\`

Values have units: durations \`500ms\`, \`30s\`, \`5m\`, \`1h30m\`, \`7d\`; sizes \`10MB\` (powers of 1000), \`256MiB\` (powers of 1024) or bytes;
rates \`100/s\`. Paths may begin with \`~/\`; relative ones start at the directory of the file they stand in.

A wrong configuration is refused as a whole, with every error, its line and column, and what to do. \`wrenmq config check\` does only
that; \`wrenmq config show\` prints what results (without secrets), \`wrenmq config explain listeners.tcp.bind\` where one value comes from,
\`wrenmq config schema\` the JSON Schema for editors. On SIGHUP the configuration is read again; if the new one is wrong, the old one stays.

"Change" says what a changed key takes: *live* (a reload), *new connections* (a reload; existing connections keep the old value), *restart*.
`;

/** docs/configuration.md, complete. */
export function configurationReference(): string {
  const shape = shapeOf(configSchema) ?? {};
  const single = Object.entries(shape).filter(([, schema]) => !hasKeys(schema));
  const sections = Object.entries(shape).filter(([, schema]) => hasKeys(schema));
  const parts = [introduction, '## At the top\n', table(single.map(([name, schema]) => [[name], schema]))];
  for (const [name, schema] of sections) parts.push(...chapter([name], schema));
  return parts.join('\n');
}

type Row = readonly [path: KeyPath, schema: z.ZodType];

function hasKeys(schema: z.ZodType): boolean {
  return shapeOf(schema) !== null || (entryOf(schema) !== null && shapeOf(entryOf(schema) as z.ZodType) !== null);
}

/** A section: what it is, the defaults of a map with free names, then its keys. Sections in it become rows of the same table. */
function chapter(path: KeyPath, schema: z.ZodType): string[] {
  const lines = [`## ${path.join('.')}\n`, `${schema.description ?? ''}\n`];
  const entry = entryOf(schema);
  const named = defaultOf(schema);
  if (entry !== null && typeof named === 'object' && named !== null && Object.keys(named).length > 0) {
    lines.push('```yaml', stringify({ [path[path.length - 1]]: named }).trimEnd(), '```\n');
  }
  lines.push(table(rowsOf(path, schema)));
  return lines;
}

/** The keys of a section and of everything in it. `<name>` stands for a name of the user's, `[]` for an item of a list. */
function rowsOf(path: KeyPath, schema: z.ZodType): Row[] {
  const shape = shapeOf(schema);
  if (shape !== null) {
    return Object.entries(shape).flatMap(([name, child]) => {
      const below = rowsOf([...path, name], child);
      return below.length === 0 || factsOf(child) !== undefined ? [[[...path, name], child] as Row, ...below] : below;
    });
  }
  const entry = entryOf(schema);
  const item = itemOf(schema);
  if (entry !== null) return rowsOf([...path, '<name>'], entry);
  return item === null ? [] : rowsOf([...path.slice(0, -1), `${path[path.length - 1]}[]`], item);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(([path, schema]) => {
    const cells = [`\`${shownPath(path)}\``, shownDefault(schema), changeOf(schema), `${schema.description ?? ''}${variableNote(path)}`];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| Key | Default | Change | Meaning |', '|---|---|---|---|', ...lines, ''].join('\n');
}

function shownPath(path: KeyPath): string {
  return path.map((segment) => (segment === '<name>' || segment.endsWith('[]') ? segment : formatPath([segment]))).join('.');
}

function shownDefault(schema: z.ZodType): string {
  const value = defaultOf(schema);
  if (value === undefined) return `${isOptional(schema) ? 'none' : 'required'}${choices(schema)}`;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.keys(value).length === 0 ? 'none' : 'see above';
  const shown = Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'string' ? value : JSON.stringify(value);
  return `\`${shown}\`${choices(schema)}`;
}

function choices(schema: z.ZodType): string {
  const inner = innermost(schema);
  return inner instanceof z.ZodEnum ? ` of ${inner.options.map((option) => `\`${option}\``).join(', ')}` : '';
}

function changeOf(schema: z.ZodType): Effect | '' {
  return factsOf(schema)?.effect ?? '';
}

/** Only keys of the top need the hint: the rule is in the introduction. */
function variableNote(path: KeyPath): string {
  return path.length === 1 ? ` (\`${variableOf(path)}\`)` : '';
}

/** Every key with its schema, as the tests walk over them. */
export function everyKey(): Row[] {
  return Object.keys(shapeOf(configSchema) ?? {}).flatMap((name) => {
    const schema = childOf(configSchema, name) as z.ZodType;
    return [[[name], schema] as Row, ...rowsOf([name], schema)];
  });
}
