// HOT

/** A full block is split in two; PERF: bench/micro/store.ts. */
const BLOCK_RECORDS_MAX = 128;
/** Neighbours that together hold no more than this become one block again. */
const BLOCK_RECORDS_MERGE = 48;

/** Records in another form, in order, which become strings when they are asked for. */
export interface PackedRecords<V> {
  readonly size: number;
  readonly firstKey: string;
  unpack(): { readonly keys: string[]; readonly values: V[] };
}

class Block<V> {
  keys: string[];
  values: V[];
  /** What stands for `keys` and `values` until somebody looks at them. */
  packed: PackedRecords<V> | null;

  constructor(keys: string[], values: V[], packed: PackedRecords<V> | null = null) {
    this.keys = keys;
    this.values = values;
    this.packed = packed;
  }

  get size(): number {
    return this.packed === null ? this.keys.length : this.packed.size;
  }

  /** For who only looks. */
  records(): { readonly keys: readonly string[]; readonly values: readonly V[] } {
    return this.packed === null ? this : this.packed.unpack();
  }

  /** Unpacked for good. */
  open(): this {
    if (this.packed !== null) {
      ({ keys: this.keys, values: this.values } = this.packed.unpack());
      this.packed = null;
    }
    return this;
  }
}

/** Where a walk stands: a record's block and its index there. */
interface Position {
  block: number;
  index: number;
}

/** The half-open range `from <= key < to` that a walk visits; null means no bound. */
export interface SortedRange {
  readonly from: string | null;
  readonly to: string | null;
  readonly isReverse: boolean;
}

/**
 * An ordered map in memory: sorted blocks of at most 128 records, found by binary search. Keys are byte strings in latin1
 * form, one character a byte, because V8 compares and stores those several times cheaper than Buffers; their order is
 * the order of the bytes. Finding, adding and removing cost O(log n).
 */
export class SortedTable<V> {
  readonly #blocks: Block<V>[] = [];
  /**
   * Where each block begins: none of its keys is lower, and every key of the block before is. A search touches one string a step,
   * not the block, its array and the string. PERF: bench/micro/store.ts, restart.
   */
  readonly #bounds: string[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const block = this.#blocks[this.#blockOf(key)]?.open();
    if (block === undefined) return undefined;
    const index = lowerBound(block.keys, key);
    return block.keys[index] === key ? block.values[index] : undefined;
  }

  /** The number of records of a range; whole blocks in its middle are not looked into. */
  count(range: SortedRange): number {
    const first = this.#seek(range.from);
    const last = range.to === null ? { block: this.#blocks.length, index: 0 } : this.#seek(range.to);
    if (last.block < first.block) return 0;
    let records = last.index - first.index;
    for (let at = first.block; at < last.block; at += 1) records += this.#blocks[at].size;
    return Math.max(records, 0);
  }

  /** Sets the value of `key`; returns the value that it replaced. */
  set(key: string, value: V): V | undefined {
    const at = this.#blockOf(key);
    const block = this.#blocks[at]?.open();
    if (block === undefined) {
      this.#append(key, value);
      this.#size = 1;
      return undefined;
    }
    const index = lowerBound(block.keys, key);
    if (block.keys[index] === key) {
      const before = block.values[index];
      block.values[index] = value;
      return before;
    }
    this.#size += 1;
    if (block.keys.length < BLOCK_RECORDS_MAX) {
      insertAt(block, index, key, value);
    } else if (index === BLOCK_RECORDS_MAX && at === this.#blocks.length - 1) {
      // Keys that only grow (the log) leave full blocks behind instead of half-empty ones.
      this.#append(key, value);
    } else {
      const half = BLOCK_RECORDS_MAX >> 1;
      const upper = new Block(block.keys.splice(half), block.values.splice(half));
      this.#blocks.splice(at + 1, 0, upper);
      this.#bounds.splice(at + 1, 0, upper.keys[0]);
      if (index <= half) insertAt(block, index, key, value);
      else insertAt(upper, index - half, key, value);
    }
    return undefined;
  }

  /** Adds records behind all others; they stay packed until one of their block is asked for. At most 128. */
  append(packed: PackedRecords<V>): void {
    this.#blocks.push(new Block<V>([], [], packed));
    this.#bounds.push(packed.firstKey);
    this.#size += packed.size;
  }

  /** Removes `key`; returns its value, or undefined when it was not there. */
  delete(key: string): V | undefined {
    const at = this.#blockOf(key);
    const block = this.#blocks[at]?.open();
    if (block === undefined) return undefined;
    const index = lowerBound(block.keys, key);
    if (block.keys[index] !== key) return undefined;
    const before = block.values[index];
    this.#size -= 1;
    if (block.keys.length === 1) {
      this.#removeBlock(at);
      return before;
    }
    block.keys.splice(index, 1);
    block.values.splice(index, 1);
    if (block.keys.length < BLOCK_RECORDS_MERGE >> 1) this.#mergeWithNext(at);
    return before;
  }

  /**
   * Visits records of `range` in order until `visit` returns false. Nothing may be added or removed meanwhile.
   * Going on behind the last key visited is a new walk, so a page costs O(log n + records).
   */
  walk(range: SortedRange, visit: (key: string, value: V) => boolean): void {
    if (range.isReverse) this.#walkDown(range, visit);
    else this.#walkUp(range, visit);
  }

  #walkUp(range: SortedRange, visit: (key: string, value: V) => boolean): void {
    const position = this.#seek(range.from);
    for (let at = position.block, index = position.index; at < this.#blocks.length; at += 1, index = 0) {
      const { keys, values } = this.#blocks[at].records();
      for (; index < keys.length; index += 1) {
        if (range.to !== null && keys[index] >= range.to) return;
        if (!visit(keys[index], values[index])) return;
      }
    }
  }

  #walkDown(range: SortedRange, visit: (key: string, value: V) => boolean): void {
    const position = range.to === null ? { block: this.#blocks.length, index: 0 } : this.#seek(range.to);
    let index = position.index - 1;
    for (let at = position.block; at >= 0; at -= 1) {
      const block = this.#blocks[at]?.records();
      for (; block !== undefined && index >= 0; index -= 1) {
        if (range.from !== null && block.keys[index] < range.from) return;
        if (!visit(block.keys[index], block.values[index])) return;
      }
      if (at > 0) index = this.#blocks[at - 1].size - 1;
    }
  }

  /** The position of the first record whose key is not below `key`. */
  #seek(key: string | null): Position {
    if (key === null || this.#blocks.length === 0) return { block: 0, index: 0 };
    const at = this.#blockOf(key);
    return { block: at, index: lowerBound(this.#blocks[at].records().keys, key) };
  }

  /** The block that holds `key` or would take it: the last that does not begin above it. */
  #blockOf(key: string): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (bounds[middle] <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #mergeWithNext(at: number): void {
    const first = at + 1 < this.#blocks.length ? at : at - 1;
    const lower = this.#blocks[first];
    const upper = this.#blocks[first + 1];
    if (lower === undefined || upper === undefined) return;
    if (lower.size + upper.size > BLOCK_RECORDS_MERGE) return;
    lower.open().keys.push(...upper.open().keys);
    lower.values.push(...upper.values);
    this.#removeBlock(first + 1);
  }

  /** A new last block. */
  #append(key: string, value: V): void {
    this.#blocks.push(new Block([key], [value]));
    this.#bounds.push(key);
  }

  #removeBlock(at: number): void {
    this.#blocks.splice(at, 1);
    this.#bounds.splice(at, 1);
  }
}

function insertAt<V>({ keys, values }: Block<V>, index: number, key: string, value: V): void {
  keys.push(key);
  values.push(value);
  // PERF: bench/micro/store.ts. Two calls of splice, which make an array each, cost more.
  for (let i = keys.length - 1; i > index; i -= 1) {
    keys[i] = keys[i - 1];
    values[i] = values[i - 1];
  }
  keys[index] = key;
  values[index] = value;
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
