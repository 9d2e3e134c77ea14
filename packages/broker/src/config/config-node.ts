/** A layer of the configuration as a tree that knows where each of its values was said. */

export type Layer = 'default' | 'file' | 'environment' | 'command line' | 'option';

/** Where something was said. */
export interface Origin {
  readonly layer: Layer;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The variable or the argument, when it was no file. */
  readonly source?: string;
}

interface Placed {
  /** Where the key stands. */
  readonly keyAt: Origin;
  /** Where the value stands. */
  readonly at: Origin;
}

export interface MapNode extends Placed {
  readonly kind: 'map';
  readonly children: Map<string, ConfigNode>;
}

export interface ListNode extends Placed {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
}

export interface ScalarNode extends Placed {
  readonly kind: 'scalar';
  readonly value: unknown;
}

export type ConfigNode = MapNode | ListNode | ScalarNode;

/** Names that would reach into the prototype of an object. */
export function isForbiddenName(name: string): boolean {
  return name === '__proto__' || name === 'constructor' || name === 'prototype';
}

export function emptyMap(at: Origin): MapNode {
  return { kind: 'map', children: new Map(), keyAt: at, at };
}

/** A plain value as a node, everything in it at one place. Values other than maps, lists and scalars stay scalars. */
export function nodeOf(value: unknown, at: Origin): ConfigNode {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => nodeOf(item, at)), keyAt: at, at };
  if (typeof value !== 'object' || value === null) return { kind: 'scalar', value, keyAt: at, at };
  const children = new Map<string, ConfigNode>();
  for (const name of Object.keys(value)) {
    const child = (value as Record<string, unknown>)[name];
    if (child !== undefined) children.set(name, nodeOf(child, at));
  }
  return { kind: 'map', children, keyAt: at, at };
}

/** The node as a plain value; maps have no prototype. */
export function valueOf(node: ConfigNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(valueOf);
  const value: Record<string, unknown> = Object.create(null);
  for (const [name, child] of node.children) value[name] = valueOf(child);
  return value;
}

/** Lays `upper` over `lower`: maps are merged, everything else is replaced. A map that was left empty in the file changes nothing. */
export function overlay(lower: ConfigNode, upper: ConfigNode): ConfigNode {
  if (lower.kind !== 'map') return upper;
  if (upper.kind === 'scalar' && upper.value === null) return lower;
  if (upper.kind !== 'map') return upper;
  const children = new Map(lower.children);
  for (const [name, child] of upper.children) {
    const below = children.get(name);
    children.set(name, below === undefined ? child : overlay(below, child));
  }
  return { kind: 'map', children, keyAt: upper.keyAt, at: upper.at };
}

/** The node at a path, or null. */
export function nodeAt(root: ConfigNode, path: readonly PropertyKey[]): ConfigNode | null {
  let node: ConfigNode | undefined = root;
  for (const segment of path) {
    if (node.kind === 'map') node = node.children.get(String(segment));
    else node = node.kind === 'list' ? node.items[Number(segment)] : undefined;
    if (node === undefined) return null;
  }
  return node;
}

/** The node at a path, or the innermost one on the way to it. */
export function nearestNode(root: ConfigNode, path: readonly PropertyKey[]): ConfigNode {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(root, path.slice(0, length));
    if (node !== null) return node;
  }
  return root;
}

/** Sets the value at a path, making maps on the way. */
export function putAt(root: MapNode, path: readonly string[], node: ConfigNode): void {
  let map = root;
  for (const segment of path.slice(0, -1)) {
    const next = map.children.get(segment);
    const child = next?.kind === 'map' ? next : emptyMap(node.keyAt);
    map.children.set(segment, child);
    map = child;
  }
  const last = path[path.length - 1];
  const below = map.children.get(last);
  map.children.set(last, below === undefined ? node : overlay(below, node));
}
