import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { formatPath, type KeyPath } from './key-path.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';
import type { LoadedConfig } from './loaded-config.ts';
import { configSchema } from './schema.ts';
import { type Effect, factsOf } from './schema-key.ts';
import { childOf, entryOf, shapeOf } from './schema-tree.ts';

/** One key whose value differs, and what it takes until the new one holds. Values are not repeated: they may be secrets. */
export interface ConfigChange {
  readonly path: string;
  readonly kind: 'changed' | 'added' | 'removed';
  readonly effect: Effect;
}

/** What differs between two configurations, key by key; a name that came or went (a listener, a user) is one change. */
export function diffConfig(before: LoadedConfig, after: LoadedConfig): ConfigChange[] {
  return differences(before.parsed, after.parsed, configSchema, { path: [], effect: 'restart' });
}

/**
 * Reads the configuration again. Throws a ConfigError when the new one is wrong; the old one then stays as it is. A change with the
 * effect `restart` is for telling: its new value must not be used before.
 */
export function reloadConfig(current: LoadedConfig, sources: ConfigSources): { next: LoadedConfig; changes: ConfigChange[] } {
  const next = loadConfig(sources);
  return { next, changes: diffConfig(current, next) };
}

interface Place {
  readonly path: KeyPath;
  /** Of the nearest key around that states one. */
  readonly effect: Effect;
}

function differences(before: unknown, after: unknown, schema: z.ZodType, around: Place): ConfigChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  const effect = factsOf(schema)?.effect ?? around.effect;
  const isMap = shapeOf(schema) !== null || entryOf(schema) !== null;
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  if (!isMap || kind !== 'changed') return [{ path: formatPath(around.path), kind, effect }];
  const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const names = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...names].flatMap((name) =>
    differences(old[name], now[name], childOf(schema, name) ?? schema, { path: [...around.path, name], effect }),
  );
}
