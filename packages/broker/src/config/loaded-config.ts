import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type ConfigNode, type Layer, nodeAt, valueOf } from './config-node.ts';
import { formatPath, parsePath, variableOf } from './key-path.ts';
import { keySuggestion } from './nearest-key.ts';
import type { Config, ParsedConfig } from './schema.ts';
import { type Effect, factsOf } from './schema-key.ts';
import { childOf, defaultOf, schemaAt, shapeOf } from './schema-tree.ts';
import { placeOf, problemAt } from './zod-problems.ts';
import type { z } from 'zod';

/** What stands where a secret would. */
const REDACTED = '(secret)';

/** Everything about one key. Values are written as in the file; secrets are replaced by REDACTED. */
export interface Explanation {
  readonly path: string;
  readonly description: string;
  readonly value: unknown;
  /** Undefined when there is none: the key must be given. */
  readonly default: unknown;
  readonly layer: Layer;
  /** File, line and column, or the variable or argument. */
  readonly origin: Pick<ConfigProblem, 'file' | 'line' | 'column' | 'source'>;
  readonly variable: string;
  /** What a change takes; null for a section, whose keys differ. */
  readonly effect: Effect | null;
}

/** A configuration that is complete and right, and knows where each of its values came from. */
export class LoadedConfig {
  readonly config: Config;
  /** The parsed values under the names of the file: what `diffConfig` compares. */
  readonly parsed: ParsedConfig;
  readonly warnings: readonly ConfigProblem[];
  readonly #root: ConfigNode;

  constructor(config: Config, parsed: ParsedConfig, root: ConfigNode, warnings: readonly ConfigProblem[]) {
    this.config = config;
    this.parsed = parsed;
    this.warnings = warnings;
    this.#root = root;
  }

  /** The whole configuration in the form of the file, without secrets, with the paths that were settled. */
  show(): Readonly<Record<string, unknown>> {
    const shown = redact(valueOf(this.#root), schemaAt([])) as Record<string, Record<string, unknown>>;
    const { dataDirectory, authentication } = this.config;
    return { ...shown, dataDirectory, authentication: { ...shown['authentication'], passwordFile: authentication.passwordFile } };
  }

  /** Tells of one key what it is, what it does and who set it. Throws a ConfigError for a key that does not exist. */
  explain(text: string): Explanation {
    const path = parsePath(text);
    const schema = path === null ? null : schemaAt(path);
    const node = path === null ? null : nodeAt(this.#root, path);
    if (path === null || schema === null || node === null) {
      const message = path === null || schema === null ? 'is not a key' : 'is not there';
      throw new ConfigError([{ path: text, message, suggestion: keySuggestion(path ?? [text]) }]);
    }
    return {
      path: formatPath(path),
      description: schema.description ?? '',
      value: redact(valueOf(node), schema),
      default: redact(this.#defaultAt(path, schema), schema),
      layer: node.at.layer,
      origin: placeOf(node.at),
      variable: variableOf(path),
      effect: shapeOf(schema) === null ? (factsOf(schema)?.effect ?? null) : null,
    };
  }

  /** A problem that a room found in a value when it used it (a rule, a hash), with the place where it was said. */
  problemAt(path: readonly string[], message: string): ConfigProblem {
    return problemAt(path, message, this.#root);
  }

  /** The default of a key may stand in the default of the map around it (`listeners.tcp.bind`). */
  #defaultAt(path: readonly string[], schema: z.ZodType): unknown {
    for (let depth = path.length - 1; depth > 0; depth--) {
      const above = schemaAt(path.slice(0, depth));
      let value = above === null ? undefined : defaultOf(above);
      for (const segment of path.slice(depth))
        value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[segment] : undefined;
      if (value !== undefined) return value;
    }
    return defaultOf(schema);
  }
}

/** A value without its secrets. */
function redact(value: unknown, schema: z.ZodType | null): unknown {
  if (schema !== null && factsOf(schema)?.isSecret === true && value !== null && value !== undefined) return REDACTED;
  if (Array.isArray(value)) return value.map((item, index) => redact(item, schema === null ? null : childOf(schema, index)));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, redact(child, schema === null ? null : childOf(schema, name))]),
  );
}
