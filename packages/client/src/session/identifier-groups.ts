import { matchedPart } from '#base/filter-prefix.ts';

/** Filters that travel in one SUBSCRIBE at most. */
export const filtersMax = 64;
/** So many groups with room are tried before a new one is opened. */
const groupsTried = 16;
const identifierMax = 268_435_455;

interface Group {
  readonly identifier: number;
  readonly filters: Map<string, readonly string[]>;
}

/**
 * Allots subscription identifiers. A SUBSCRIBE carries one identifier for all its filters, so filters share one as far as they are told apart
 * by the topic: two that can match the same topic never do.
 */
export class IdentifierGroups {
  readonly #groups = new Map<number, Group>();
  /** Those with room, the latest last. */
  readonly #open: Group[] = [];
  #last = 0;

  /** The identifier of a filter that has none yet. */
  allot(filter: string): number {
    const levels = matchedPart(filter).split('/');
    for (const group of this.#open.slice(-groupsTried).toReversed()) {
      if ([...group.filters.values()].some((other) => canMeet(levels, other))) continue;
      this.claim(filter, group.identifier);
      return group.identifier;
    }
    // After the last one the first, if it is free again.
    do this.#last = (this.#last % identifierMax) + 1;
    while (this.#groups.has(this.#last));
    this.claim(filter, this.#last);
    return this.#last;
  }

  /** Gives the filter an identifier that was allotted to it, perhaps in an earlier life. */
  claim(filter: string, identifier: number): void {
    let group = this.#groups.get(identifier);
    if (group === undefined) {
      group = { identifier, filters: new Map() };
      this.#groups.set(identifier, group);
      this.#open.push(group);
      this.#last = Math.max(this.#last, identifier);
    }
    group.filters.set(filter, matchedPart(filter).split('/'));
    if (group.filters.size === filtersMax) this.#open.splice(this.#open.indexOf(group), 1);
  }

  release(filter: string, identifier: number): void {
    const group = this.#groups.get(identifier);
    if (group === undefined || !group.filters.delete(filter)) return;
    if (group.filters.size === filtersMax - 1) this.#open.push(group);
    if (group.filters.size > 0) return;
    this.#groups.delete(identifier);
    this.#open.splice(this.#open.indexOf(group), 1);
  }
}

/** Whether one topic can match both. */
function canMeet(one: readonly string[], other: readonly string[]): boolean {
  for (let level = 0; ; level++) {
    const left = one[level];
    const right = other[level];
    // `a/#` matches `a` too.
    if (left === '#' || right === '#') return true;
    if (left === undefined || right === undefined) return left === right;
    if (left !== right && left !== '+' && right !== '+') return false;
  }
}
