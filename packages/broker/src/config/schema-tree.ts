import { z } from 'zod';
import { type ConfigNode, emptyMap, type MapNode, nodeOf, type Origin } from './config-node.ts';
import { configSchema } from './schema.ts';

/** The schema without its wrappers (default, null, description). */
export function innermost(schema: z.ZodType): z.ZodType {
  let inner: z.core.$ZodType = schema;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodNullable || inner instanceof z.ZodExactOptional) inner = inner.unwrap();
  return inner as z.ZodType;
}

/** The keys of a map with fixed keys; null for everything else. */
export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | null {
  const inner = innermost(schema);
  return inner instanceof z.ZodObject ? inner.shape : null;
}

/** The schema of the values of a map with free names; null for everything else. */
export function entryOf(schema: z.ZodType): z.ZodType | null {
  const inner = innermost(schema);
  return inner instanceof z.ZodRecord ? (inner.valueType as z.ZodType) : null;
}

/** The schema of the items of a list; null for everything else. */
export function itemOf(schema: z.ZodType): z.ZodType | null {
  const inner = innermost(schema);
  return inner instanceof z.ZodArray ? (inner.element as z.ZodType) : null;
}

/** The schema one step down, by key, name or index; null when there is none. */
export function childOf(schema: z.ZodType, segment: PropertyKey): z.ZodType | null {
  const shape = shapeOf(schema);
  if (shape !== null) return Object.hasOwn(shape, segment) ? shape[String(segment)] : null;
  return entryOf(schema) ?? itemOf(schema);
}

/** The schema at a path; null when there is no such key. */
export function schemaAt(path: readonly PropertyKey[]): z.ZodType | null {
  let schema: z.ZodType | null = configSchema;
  for (const segment of path) {
    schema = childOf(schema, segment);
    if (schema === null) return null;
  }
  return schema;
}

export function isOptional(schema: z.ZodType): boolean {
  return schema instanceof z.ZodExactOptional;
}

/** The default as a user would write it; undefined for a key that must be given. */
export function defaultOf(schema: z.ZodType): unknown {
  return schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined;
}

const byDefault: Origin = { layer: 'default' };

/** The lowest layer: every key with its default. */
export function defaultLayer(): MapNode {
  return fillDefaults(emptyMap(byDefault), configSchema) as MapNode;
}

/** The tree with the defaults of every key that it does not have, in the entries of maps and lists too. */
export function fillDefaults(node: ConfigNode, schema: z.ZodType): ConfigNode {
  if (node.kind === 'list') {
    const item = itemOf(schema);
    return item === null ? node : { ...node, items: node.items.map((child) => fillDefaults(child, item)) };
  }
  if (node.kind === 'scalar') return node;
  const children = new Map<string, ConfigNode>();
  const shape = shapeOf(schema) ?? {};
  for (const [name, keySchema] of Object.entries(shape)) {
    const given = node.children.get(name) ?? writtenDefault(keySchema);
    if (given !== null) children.set(name, fillDefaults(given, keySchema));
  }
  const entry = entryOf(schema);
  for (const [name, child] of node.children) {
    if (!children.has(name)) children.set(name, entry === null ? child : fillDefaults(child, entry));
  }
  return { ...node, children };
}

function writtenDefault(schema: z.ZodType): ConfigNode | null {
  const value = defaultOf(schema);
  return value === undefined ? null : nodeOf(value, byDefault);
}
