import { readFileSync, statSync } from 'node:fs';
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Document,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
} from 'yaml';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type ConfigNode, emptyMap, type MapNode, type Origin } from './config-node.ts';
import { formatPath } from './key-path.ts';

const fileBytesMax = 4 * 1024 * 1024;
/** Aliases can make a small file describe a huge tree. */
const nodesMax = 100_000;
const depthMax = 32;

/** Reads a configuration file. Every failure is a ConfigError that names the file. */
export function readYamlFile(file: string): MapNode {
  let text: string;
  try {
    if (statSync(file).size > fileBytesMax) throw new ConfigError([{ path: '', file, message: `is larger than ${fileBytesMax} bytes` }]);
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([{ path: '', file, message: whyUnreadable(error) }]);
  }
  return readYaml(text, file);
}

function whyUnreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES') return 'may not be read by this user';
  if (code === 'EISDIR') return 'is a directory, not a file';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'is not UTF-8 text';
  return `cannot be read: ${(error as Error).message}`;
}

/** Reads YAML 1.2 (JSON is a subset). Duplicate keys, unknown aliases and everything that is no map are problems. */
export function readYaml(text: string, file: string): MapNode {
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseDocument(text, { lineCounter: lines, version: '1.2', merge: false, prettyErrors: false, logLevel: 'error' });
  } catch {
    // The parser recurses: nesting without end exhausts the stack.
    throw new ConfigError([{ path: '', file, message: 'cannot be read: it is nested too deeply' }]);
  }
  const reader = new YamlReader(document, lines, file);
  const problems: ConfigProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    path: '',
    message: error.code === 'MULTIPLE_DOCS' ? 'begins a second document; a configuration is one' : error.message.replace(/\.?$/, ''),
    ...position(lines, error.pos[0], file),
  }));
  if (document.directives.yaml.version !== '1.2') problems.push({ path: '', file, message: 'is declared as YAML 1.1; write YAML 1.2' });
  if (problems.length > 0) throw new ConfigError(problems);
  const root = reader.readRoot();
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return root;
}

function position(lines: LineCounter, offset: number, file: string): { file: string; line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

/** One pass over a parsed document. */
class YamlReader {
  readonly problems: ConfigProblem[] = [];
  private readonly document: Document.Parsed;
  private readonly lines: LineCounter;
  private readonly file: string;
  private nodes = 0;

  constructor(document: Document.Parsed, lines: LineCounter, file: string) {
    this.document = document;
    this.lines = lines;
    this.file = file;
  }

  readRoot(): MapNode {
    const start: Origin = { layer: 'file', file: this.file, line: 1, column: 1 };
    const contents = this.document.contents;
    if (contents === null || (isScalar(contents) && contents.value === null)) return emptyMap(start);
    const root = this.read(contents, start, []);
    if (root.kind === 'map') return root;
    this.report([], 'must be a map of keys to values, such as `listeners:`', root.at);
    return emptyMap(start);
  }

  private read(node: Node | null, keyAt: Origin, path: readonly string[]): ConfigNode {
    const at = node === null ? keyAt : this.place(node);
    this.nodes++;
    if (this.nodes > nodesMax || path.length > depthMax) {
      if (this.problems.length === 0) this.report(path, 'is too large or nested too deeply', at);
      return { kind: 'scalar', value: null, keyAt, at };
    }
    if (isAlias(node)) return this.readAlias(node, keyAt, path);
    if (isMap(node)) return this.readMap(node.items as Pair<Node, Node | null>[], keyAt, path);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.read(item as Node | null, this.place(item as Node), [...path, String(index)]));
      return { kind: 'list', items, keyAt, at };
    }
    return { kind: 'scalar', value: isScalar(node) ? node.value : null, keyAt, at };
  }

  private readAlias(alias: Alias, keyAt: Origin, path: readonly string[]): ConfigNode {
    const target = alias.resolve(this.document);
    if (target !== undefined) return this.read(target, keyAt, path);
    this.report(path, `refers to *${alias.source}, but there is no &${alias.source} before it`, this.place(alias));
    return { kind: 'scalar', value: null, keyAt, at: keyAt };
  }

  private readMap(pairs: readonly Pair<Node, Node | null>[], keyAt: Origin, path: readonly string[]): MapNode {
    const children = new Map<string, ConfigNode>();
    for (const pair of pairs) {
      const nameAt = this.place(pair.key);
      const name = isScalar(pair.key) ? nameOf(pair.key) : null;
      if (name === null) {
        this.report(path, 'has a key that is no text', nameAt);
        continue;
      }
      children.set(name, this.read(pair.value, nameAt, [...path, name]));
    }
    return { kind: 'map', children, keyAt, at: pairs.length === 0 ? keyAt : this.place(pairs[0].key) };
  }

  private place(node: Node | null): Origin {
    const offset = node?.range?.[0] ?? 0;
    return { layer: 'file', ...position(this.lines, offset, this.file) };
  }

  private report(path: readonly string[], message: string, at: Origin): void {
    const { line, column } = at;
    this.problems.push({
      path: formatPath(path),
      message,
      file: this.file,
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    });
  }
}

/** A key as it is written: `1883` and `true` are names too. */
function nameOf(key: Scalar): string | null {
  if (typeof key.value === 'string') return key.value;
  return key.value === null ? null : (key.source ?? null);
}
