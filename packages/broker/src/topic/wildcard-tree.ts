// HOT
import { randomInt } from 'node:crypto';
import { append, countOf, type Values, withoutValue, withValue } from './values.ts';

const SLASH = 0x2f;
const TABLE_LENGTH_MIN = 16;

/** One level of one or more filters. */
class Node<T> {
  readonly parent: Node<T> | null;
  /** The level's text. */
  readonly label: string;
  /** Of the whole path from the root. */
  readonly hash: number;
  /** The child for `+`. */
  plus: Node<T> | null = null;
  /** How many other children there are; the table has them. */
  literals = 0;
  /** Of the filter that ends here. */
  values: Values<T> = undefined;
  /** Of the filter that goes on with `/#` only. */
  below: Values<T> = undefined;

  constructor(parent: Node<T> | null, label: string, hash: number) {
    this.parent = parent;
    this.label = label;
    this.hash = hash;
  }

  get isEmpty(): boolean {
    return this.literals === 0 && this.plus === null && this.values === undefined && this.below === undefined;
  }
}

/**
 * The filters with wildcards, as a tree of their levels. One hash table holds the children of all nodes, keyed by the
 * path: a map per node would cost more than the node, and a lookup there would have to cut a string out of the topic.
 */
export class WildcardTree<T extends object | string | number> {
  /** The number of different filters. */
  filters = 0;
  /** Secret, so that nobody can choose levels that meet in the table. */
  readonly #seed = randomInt(2 ** 31);
  readonly #root = new Node<T>(null, '', this.#seed);
  /** Open addressing with linear probing; its length is a power of two, at most half of it is taken. */
  #table: (Node<T> | undefined)[] = emptyTable(TABLE_LENGTH_MIN);
  #literals = 0;
  /** Where the levels of the text at hand start and end, and their hashes; kept between calls to allocate nothing. */
  #starts = new Int32Array(16);
  #ends = new Int32Array(16);
  #hashes = new Int32Array(16);
  #levels = 0;
  /** Where the walk of `match` has still to go: nodes, and their levels. */
  readonly #nodesAhead: (Node<T> | null)[] = [];
  readonly #levelsAhead: number[] = [];

  add(filter: string, value: T): boolean {
    this.#split(filter);
    const hasHash = filter.endsWith('#');
    const depth = hasHash ? this.#levels - 1 : this.#levels;
    let node = this.#root;
    for (let level = 0; level < depth; level += 1) node = this.#step(node, filter, level) ?? this.#grow(node, filter, level);
    const before = hasHash ? node.below : node.values;
    const count = countOf(before);
    const after = withValue(before, value);
    if (hasHash) node.below = after;
    else node.values = after;
    if (before === undefined) this.filters += 1;
    return countOf(after) > count;
  }

  remove(filter: string, value: T): boolean {
    this.#split(filter);
    const hasHash = filter.endsWith('#');
    const depth = hasHash ? this.#levels - 1 : this.#levels;
    let node: Node<T> | null = this.#root;
    for (let level = 0; level < depth && node !== null; level += 1) node = this.#step(node, filter, level);
    if (node === null) return false;
    const before = hasHash ? node.below : node.values;
    const count = countOf(before);
    const after = withoutValue(before, value);
    if (hasHash) node.below = after;
    else node.values = after;
    if (before !== undefined && after === undefined) {
      this.filters -= 1;
      this.#prune(node);
    }
    return countOf(after) < count;
  }

  match(topic: string, out: T[]): void {
    if (this.filters === 0) return;
    this.#split(topic);
    const root = this.#root;
    if (topic.charCodeAt(0) === 0x24) {
      // Leading wildcards do not reach `$` trees. [MQTT-4.7.2-1]
      const child = this.#find(root, topic, 0);
      if (child !== null) this.#collect(child, topic, 1, out);
    } else {
      this.#collect(root, topic, 0, out);
    }
  }

  /**
   * Every node is reached by one path of levels only, so it is visited at most once: no filter makes this explode. Not
   * recursive, since a client chooses how deep its topics are.
   */
  #collect(start: Node<T>, topic: string, startLevel: number, out: T[]): void {
    let node: Node<T> | null = start;
    let level = startLevel;
    let ahead = 0;
    while (node !== null) {
      append(node.below, out);
      let next: Node<T> | null = null;
      if (level === this.#levels) append(node.values, out);
      else {
        if (node.literals > 0) next = this.#find(node, topic, level);
        if (node.plus !== null) {
          if (next !== null) {
            this.#nodesAhead[ahead] = next;
            this.#levelsAhead[ahead] = level + 1;
            ahead += 1;
          }
          next = node.plus;
        }
      }
      level += 1;
      if (next === null && ahead > 0) {
        ahead -= 1;
        next = this.#nodesAhead[ahead];
        level = this.#levelsAhead[ahead];
        this.#nodesAhead[ahead] = null;
      }
      node = next;
    }
  }

  /** The child of a filter's level. */
  #step(node: Node<T>, filter: string, level: number): Node<T> | null {
    return this.#isPlus(filter, level) ? node.plus : this.#find(node, filter, level);
  }

  #grow(parent: Node<T>, filter: string, level: number): Node<T> {
    const hash = joinHashes(parent.hash, this.#hashes[level]);
    if (this.#isPlus(filter, level)) {
      parent.plus = new Node(parent, '+', hash);
      return parent.plus;
    }
    const node = new Node(parent, filter.slice(this.#starts[level], this.#ends[level]), hash);
    parent.literals += 1;
    this.#literals += 1;
    if (this.#literals * 2 > this.#table.length) this.#resize(this.#table.length * 2);
    this.#insert(node);
    return node;
  }

  /** Takes away what no filter needs any more, from `node` upwards. */
  #prune(node: Node<T>): void {
    while (node.parent !== null && node.isEmpty) {
      const parent: Node<T> = node.parent;
      if (parent.plus === node) parent.plus = null;
      else this.#unlink(node, parent);
      node = parent;
    }
  }

  #isPlus(filter: string, level: number): boolean {
    return filter.charCodeAt(this.#starts[level]) === 0x2b;
  }

  #find(parent: Node<T>, text: string, level: number): Node<T> | null {
    const start = this.#starts[level];
    const length = this.#ends[level] - start;
    const table = this.#table;
    const mask = table.length - 1;
    const hash = joinHashes(parent.hash, this.#hashes[level]);
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const node = table[place];
      if (node === undefined) return null;
      if (node.hash === hash && node.parent === parent && node.label.length === length && text.startsWith(node.label, start)) return node;
    }
  }

  #insert(node: Node<T>): void {
    const table = this.#table;
    const mask = table.length - 1;
    let place = node.hash & mask;
    while (table[place] !== undefined) place = (place + 1) & mask;
    table[place] = node;
  }

  #unlink(node: Node<T>, parent: Node<T>): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = node.hash & mask;
    while (table[hole] !== node) hole = (hole + 1) & mask;
    // Whoever stands behind the hole, but not yet where its own search begins, moves up: no search ends too early.
    for (let place = (hole + 1) & mask; ; place = (place + 1) & mask) {
      const other = table[place];
      if (other === undefined) break;
      const distance = (place - other.hash) & mask;
      if (distance < ((place - hole) & mask)) continue;
      table[hole] = other;
      hole = place;
    }
    table[hole] = undefined;
    parent.literals -= 1;
    this.#literals -= 1;
    if (table.length > TABLE_LENGTH_MIN && this.#literals * 16 < table.length) this.#resize(table.length / 4);
  }

  #resize(length: number): void {
    const before = this.#table;
    this.#table = emptyTable(Math.max(length, TABLE_LENGTH_MIN));
    for (let place = 0; place < before.length; place += 1) {
      const node = before[place];
      if (node !== undefined) this.#insert(node);
    }
  }

  /** Finds the levels of a topic or filter and hashes each. */
  #split(text: string): void {
    let level = 0;
    let start = 0;
    let hash = this.#seed;
    for (let index = 0; index <= text.length; index += 1) {
      const code = index === text.length ? SLASH : text.charCodeAt(index);
      if (code !== SLASH) {
        hash = Math.imul(hash ^ code, 0x9e3779b1);
        hash ^= hash >>> 15;
        continue;
      }
      if (level === this.#starts.length) this.#extend();
      this.#starts[level] = start;
      this.#ends[level] = index;
      this.#hashes[level] = hash;
      level += 1;
      start = index + 1;
      hash = this.#seed;
    }
    this.#levels = level;
  }

  #extend(): void {
    const length = this.#starts.length * 2;
    this.#starts = extended(this.#starts, length);
    this.#ends = extended(this.#ends, length);
    this.#hashes = extended(this.#hashes, length);
  }
}

/** Depends on the order, and spreads over all bits: the table uses the low ones. */
function joinHashes(parent: number, level: number): number {
  const hash = Math.imul((parent << 5) ^ (parent >>> 27) ^ level, 0x85ebca6b);
  return hash ^ (hash >>> 16);
}

function emptyTable<T>(length: number): (Node<T> | undefined)[] {
  return new Array<Node<T> | undefined>(length).fill(undefined);
}

function extended(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length);
  longer.set(array);
  return longer;
}
