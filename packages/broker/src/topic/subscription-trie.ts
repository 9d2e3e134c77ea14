// HOT
import { append, countOf, type Values, withoutValue, withValue } from './values.ts';
import { WildcardTree } from './wildcard-tree.ts';

/**
 * Which values (subscriptions, shared groups) want a topic. Filters without a wildcard are looked up whole, so that the
 * common subscription costs one map entry; the others stand in a tree of levels.
 *
 * Filters and topics must be valid, filters without `$share`. A value must not be undefined.
 */
export class SubscriptionTrie<T extends object | string | number> {
  readonly #exact = new Map<string, Values<T>>();
  readonly #wildcards = new WildcardTree<T>();
  #size = 0;

  /** The number of values, each counted once per filter. */
  get size(): number {
    return this.#size;
  }

  /** The number of different filters. */
  get filters(): number {
    return this.#exact.size + this.#wildcards.filters;
  }

  /** False when the filter had that value already. */
  add(filter: string, value: T): boolean {
    const isAdded = isWildcard(filter) ? this.#wildcards.add(filter, value) : this.#addExact(filter, value);
    if (isAdded) this.#size += 1;
    return isAdded;
  }

  /** False when the filter did not have that value. */
  remove(filter: string, value: T): boolean {
    const isRemoved = isWildcard(filter) ? this.#wildcards.remove(filter, value) : this.#removeExact(filter, value);
    if (isRemoved) this.#size -= 1;
    return isRemoved;
  }

  /**
   * Appends every value whose filter matches; a value with several matching filters comes once for each.
   * Allocates nothing but what `out` grows by; visits each node of the tree at most once.
   */
  match(topic: string, out: T[]): void {
    append(this.#exact.get(topic), out);
    this.#wildcards.match(topic, out);
  }

  #addExact(filter: string, value: T): boolean {
    const before = this.#exact.get(filter);
    const count = countOf(before);
    const after = withValue(before, value);
    if (after !== before) this.#exact.set(filter, after);
    return countOf(after) > count;
  }

  #removeExact(filter: string, value: T): boolean {
    const before = this.#exact.get(filter);
    const count = countOf(before);
    const after = withoutValue(before, value);
    if (after === undefined) this.#exact.delete(filter);
    else if (after !== before) this.#exact.set(filter, after);
    return countOf(after) < count;
  }
}

function isWildcard(filter: string): boolean {
  return filter.endsWith('#') || filter.includes('+');
}
