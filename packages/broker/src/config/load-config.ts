import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type ConfigNode, isForbiddenName, type MapNode, nodeOf, overlay, valueOf } from './config-node.ts';
import { formatPath, parsePath } from './key-path.ts';
import { LoadedConfig } from './loaded-config.ts';
import { readAssignments } from './read-assignments.ts';
import { type Environment, readEnvironment } from './read-environment.ts';
import { readYamlFile } from './read-yaml.ts';
import { type Finding, findRisks, findUnsafe } from './safety.ts';
import { configSchema, type ParsedConfig } from './schema.ts';
import { defaultLayer, fillDefaults } from './schema-tree.ts';
import { type Places, resolvePaths, settleConfig } from './settle-config.ts';
import { messageOf, problemAt, problemsOf } from './zod-problems.ts';

/** The layers, from the lowest to the highest; what is not given is empty. */
export interface ConfigSources {
  /** Path of the YAML file. */
  readonly file?: string;
  /** Where `WRENMQ_...` variables are looked up; an embedded broker usually gives none. */
  readonly env?: Environment;
  /** `listeners.tcp.bind=127.0.0.1:1883`, as given to `--set`. */
  readonly set?: readonly string[];
  /** Values from other command line options or from an embedding program, as a tree in the form of the file. */
  readonly overrides?: object;
  /** Variables that begin with WRENMQ_ and mean something else to the caller. */
  readonly ignoredVariables?: readonly string[];
  /** Whether clients can also be authenticated by something that the configuration does not show. */
  readonly hasOtherAuthentication?: boolean;
  readonly cwd?: string;
  readonly home?: string;
}

/** Reads, merges, checks and freezes the configuration. Throws one ConfigError with everything that is wrong, and nothing else. */
export function loadConfig(sources: ConfigSources = {}): LoadedConfig {
  const problems: ConfigProblem[] = [];
  const places = placesOf(sources);
  const root = mergeLayers(sources, places, problems);
  const refused = problems.length > 0;
  const first = configSchema.safeParse(valueOf(root), { error: messageOf });
  if (!first.success) problems.push(...problemsOf(first.error.issues, root));
  const parsed = first.success ? first.data : parseWithout(root, first.error.issues);
  if (parsed === null) throw new ConfigError(inOrder(problems));
  const config = settleConfig(parsed, places);
  const { passwordFile, isPasswordFileRequired } = config.authentication;
  const hasOtherAuthentication = sources.hasOtherAuthentication === true || isPasswordFileRequired || existsSync(passwordFile);
  for (const finding of findUnsafe(config, hasOtherAuthentication)) {
    // What follows from another problem, or from a layer that could not be read, would only confuse.
    if (refused || problems.some((problem) => isRelated(problem.path, finding))) continue;
    problems.push(problemAt(finding.path, finding.message, root, finding.suggestion));
  }
  if (problems.length > 0) throw new ConfigError(inOrder(problems));
  const warnings = findRisks(config).map((risk) => problemAt(risk.path, risk.message, root, risk.suggestion));
  return new LoadedConfig(config, parsed, root, warnings);
}

function placesOf(sources: ConfigSources): Places {
  return { home: sources.home ?? homedir(), cwd: sources.cwd ?? process.cwd(), dataHome: sources.env?.['XDG_DATA_HOME'] };
}

/** Lays the layers over each other; one that cannot be read is reported and left out, so that the others are still checked. */
function mergeLayers(sources: ConfigSources, places: Places, problems: ConfigProblem[]): ConfigNode {
  let root: MapNode = defaultLayer();
  const add = (read: () => ConfigNode): void => {
    try {
      root = overlay(root, withoutForbiddenNames(read(), [], problems)) as MapNode;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  };
  const { file } = sources;
  if (file !== undefined) add(() => readYamlFile(path.resolve(places.cwd, file)));
  const { env, set, overrides } = sources;
  if (env !== undefined) add(() => readEnvironment(withoutVariables(env, sources.ignoredVariables ?? []), root, problems));
  if (set !== undefined) add(() => readAssignments(set, problems));
  if (overrides !== undefined) add(() => nodeOf(overrides, { layer: 'option' }));
  return resolvePaths(fillDefaults(root, configSchema), configSchema, places);
}

function withoutVariables(env: Environment, ignored: readonly string[]): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ignored.includes(name)));
}

function withoutForbiddenNames(node: ConfigNode, keyPath: readonly string[], problems: ConfigProblem[]): ConfigNode {
  if (node.kind === 'scalar') return node;
  if (node.kind === 'list')
    return { ...node, items: node.items.map((item, index) => withoutForbiddenNames(item, [...keyPath, String(index)], problems)) };
  const children = new Map<string, ConfigNode>();
  for (const [name, child] of node.children) {
    if (isForbiddenName(name))
      problems.push({ path: formatPath([...keyPath, name]), message: 'is a name that is not allowed', ...child.keyAt });
    else children.set(name, withoutForbiddenNames(child, [...keyPath, name], problems));
  }
  return { ...node, children };
}

/** The configuration with everything that is wrong put back to its default, to check the rest of it; null when that cannot be. */
function parseWithout(
  root: ConfigNode,
  issues: readonly { readonly path: readonly PropertyKey[]; readonly code: string; readonly keys?: readonly string[] }[],
): ParsedConfig | null {
  let repaired = root;
  for (const issue of issues) {
    const paths = issue.code === 'unrecognized_keys' ? (issue.keys ?? []).map((name) => [...issue.path, name]) : [issue.path];
    for (const wrong of paths) repaired = without(repaired, wrong.map(String));
  }
  const result = configSchema.safeParse(valueOf(fillDefaults(overlay(defaultLayer(), repaired), configSchema)));
  return result.success ? result.data : null;
}

function without(node: ConfigNode, keyPath: readonly string[]): ConfigNode {
  const [name, ...rest] = keyPath;
  if (node.kind !== 'map' || name === undefined) return node;
  const child = node.children.get(name);
  if (child === undefined) return node;
  const children = new Map(node.children);
  // What is wrong inside a list makes the list as a whole wrong, and a map that lacks a key is wrong as a whole.
  const isInnermost = rest.length === 0 || child.kind !== 'map' || (rest.length === 1 && !child.children.has(rest[0]));
  if (isInnermost) children.delete(name);
  else children.set(name, without(child, rest));
  return { ...node, children };
}

/** As they stand in the file, then the others as they were found. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => (lineOf(a) === lineOf(b) ? 0 : lineOf(a) - lineOf(b)));
}

function lineOf(problem: ConfigProblem): number {
  return problem.file === undefined ? Infinity : (problem.line ?? 0);
}

function isRelated(problemPath: string, finding: Finding): boolean {
  const other = parsePath(problemPath) ?? [];
  if (finding.dependsOn !== undefined && other[0] === finding.dependsOn) return true;
  const depth = Math.min(other.length, finding.path.length, 2);
  return other.slice(0, depth).every((segment, index) => segment === finding.path[index]);
}
