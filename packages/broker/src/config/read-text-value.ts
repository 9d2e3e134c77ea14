import { parseDocument } from 'yaml';
import { z } from 'zod';
import { innermost, itemOf, shapeOf, entryOf } from './schema-tree.ts';

/**
 * The value that a text from the environment or the command line stands for. Where the key takes a text, it is the text as it
 * is, without quoting; elsewhere a YAML value (`true`, `128`, `[publish, subscribe]`).
 */
export function readTextValue(text: string, schema: z.ZodType | null): unknown {
  if (schema instanceof z.ZodPrefault && schema.unwrap() instanceof z.ZodNullable && text === 'null') return null;
  const inner = schema === null ? null : innermost(schema);
  if (inner instanceof z.ZodString || inner instanceof z.ZodEnum) return text;
  const value = parseYamlValue(text);
  const takesMany = schema === null || shapeOf(schema) !== null || entryOf(schema) !== null || itemOf(schema) !== null;
  // `[::1]:1883` begins like a YAML list and is an address.
  return value === undefined || (typeof value === 'object' && value !== null && !takesMany) ? text : value;
}

/** Undefined when the text is no YAML. */
function parseYamlValue(text: string): unknown {
  try {
    const document = parseDocument(text, { version: '1.2', prettyErrors: false, logLevel: 'error' });
    return document.errors.length > 0 ? undefined : (document.toJS({ maxAliasCount: 0 }) as unknown);
  } catch {
    return undefined;
  }
}
