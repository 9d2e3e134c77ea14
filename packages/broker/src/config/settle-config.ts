import path from 'node:path';
import type { z } from 'zod';
import { isLoopback } from '#base/bind-address.ts';
import type { ConfigNode } from './config-node.ts';
import { type Config, configSchema, type ListenerConfig, type ParsedConfig } from './schema.ts';
import { factsOf, suffixOf } from './schema-key.ts';
import { childOf, innermost, shapeOf } from './schema-tree.ts';

/** The directories that paths in the configuration start from. */
export interface Places {
  readonly home: string;
  readonly cwd: string;
  /** `$XDG_DATA_HOME`, if there is one. */
  readonly dataHome: string | undefined;
}

/** The tree with absolute paths: `~/` is the home directory, others start where they were said (directory of the file, else cwd). */
export function resolvePaths(node: ConfigNode, schema: z.ZodType, places: Places): ConfigNode {
  if (node.kind === 'list') return node;
  if (node.kind === 'scalar') {
    const isPath = factsOf(schema)?.isPath === true && typeof node.value === 'string' && node.value !== '';
    return isPath ? { ...node, value: absolute(node.value, node.at.file, places) } : node;
  }
  const children = new Map<string, ConfigNode>();
  for (const [name, child] of node.children) {
    const below = childOf(schema, name);
    children.set(name, below === null ? child : resolvePaths(child, below, places));
  }
  return { ...node, children };
}

function absolute(written: string, file: string | undefined, places: Places): string {
  if (written === '~' || written.startsWith('~/')) return path.join(places.home, written.slice(1));
  return path.resolve(places.cwd, file === undefined ? '.' : path.dirname(file), written);
}

/** The configuration as the house uses it, frozen. */
export function settleConfig(parsed: ParsedConfig, places: Places): Config {
  const named = rename(parsed, configSchema) as Config;
  const dataDirectory = parsed.dataDirectory ?? defaultDataDirectory(places);
  const listeners: Record<string, ListenerConfig> = Object.create(null);
  for (const [name, listener] of Object.entries(named.listeners)) {
    listeners[name] = { ...listener, isAnonymousAllowed: isAnonymousAllowed(listener, parsed) };
  }
  const { passwordFile } = parsed.authentication;
  return freeze({
    ...named,
    dataDirectory,
    listeners,
    authentication: {
      ...named.authentication,
      passwordFile: passwordFile ?? path.join(dataDirectory, 'passwords'),
      isPasswordFileRequired: passwordFile !== null,
    },
  });
}

function defaultDataDirectory(places: Places): string {
  // A relative $XDG_DATA_HOME is to be ignored, says its specification.
  const base = places.dataHome !== undefined && path.isAbsolute(places.dataHome) ? places.dataHome : null;
  return base === null ? path.join(places.home, '.wrenmq') : path.join(base, 'wrenmq');
}

/** Trust follows the listener's address, never the peer's. */
function isAnonymousAllowed(listener: Omit<ListenerConfig, 'isAnonymousAllowed'>, parsed: ParsedConfig): boolean {
  if (listener.anonymous !== 'inherit') return listener.anonymous === 'allow';
  if (parsed.authentication.anonymous !== 'loopback') return parsed.authentication.anonymous === 'always';
  return isLoopback(listener.bind) || parsed.insecureAllowAnonymous;
}

/** Gives every measured key its unit as last word. Maps with free names get no prototype, so that a name finds only what was given. */
function rename(value: unknown, schema: z.ZodType): unknown {
  if (Array.isArray(value)) return value.map((item, index) => rename(item, childOf(schema, index) ?? schema));
  // A value of its own syntax (an address) is complete as it is.
  if (typeof value !== 'object' || value === null || childOf(schema, Object.keys(value)[0] ?? '') === null) return value;
  const renamed: Record<string, unknown> = shapeOf(schema) === null ? Object.create(null) : {};
  for (const [name, child] of Object.entries(value)) {
    const below = childOf(schema, name) ?? schema;
    renamed[`${name}${suffixOf(innermost(below))}`] = rename(child, below);
  }
  return renamed;
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) freeze(child);
  return Object.freeze(value);
}
