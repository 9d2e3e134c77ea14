// HOT
/** A member's place in the ring; alone, it is its own neighbour. */
class Place<M> {
  member: M;
  /** What `pickByKey` knows the member by. */
  readonly seed: number;
  /** Where it stands in the list of all places. */
  index: number;
  next: Place<M> = this;
  previous: Place<M> = this;

  constructor(member: M, seed: number, index: number) {
    this.member = member;
    this.seed = seed;
    this.index = index;
  }
}

/**
 * The members of one shared subscription: one group name with one filter. They stand in a ring, so that turns stay fair,
 * and in a list, so that one can be found at random; joining and leaving cost the same in a group of 100,000.
 *
 * Every way to pick asks each member at most once whether it can take, and answers null when nobody can.
 */
export class SharedGroup<M> {
  readonly name: string;
  readonly filter: string;
  readonly #places = new Map<M, Place<M>>();
  /** All places, in no order. */
  readonly #list: Place<M>[] = [];
  /** Whose turn is the last of this round: who was picked last, or who joined since. */
  #last: Place<M> | null = null;

  constructor(name: string, filter: string) {
    this.name = name;
    this.filter = filter;
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  get size(): number {
    return this.#list.length;
  }

  /** In the order in which they joined. */
  get members(): Iterable<M> {
    return this.#places.keys();
  }

  has(member: M): boolean {
    return this.#places.has(member);
  }

  /** False when the member was there already. `seed`: a number that is the same whenever the same member joins. */
  join(member: M, seed = 0): boolean {
    if (this.#places.has(member)) return false;
    const last = this.#last;
    const place = new Place(member, seed, this.#list.length);
    if (last !== null) {
      place.previous = last;
      place.next = last.next;
      last.next.previous = place;
      last.next = place;
    }
    // Everybody else has a turn first.
    this.#last = place;
    this.#places.set(member, place);
    this.#list.push(place);
    return true;
  }

  /** `after` stands where `before` stood. False when that was no member, or `after` is one already. */
  replace(before: M, after: M): boolean {
    const place = this.#places.get(before);
    if (place === undefined || this.#places.has(after)) return false;
    this.#places.delete(before);
    place.member = after;
    this.#places.set(after, place);
    return true;
  }

  /** False when it was no member. */
  leave(member: M): boolean {
    const place = this.#places.get(member);
    if (place === undefined) return false;
    this.#places.delete(member);
    const moved = this.#list.pop()!;
    if (moved !== place) this.#stand(moved, place.index);
    if (this.#list.length === 0) {
      this.#last = null;
      return true;
    }
    place.previous.next = place.next;
    place.next.previous = place.previous;
    if (this.#last === place) this.#last = place.previous;
    return true;
  }

  /** The first from the one after the last picked who can take. */
  pick(canTake: (member: M) => boolean): M | null {
    const last = this.#last;
    if (last === null) return null;
    let place = last.next;
    for (;;) {
      if (canTake(place.member)) {
        this.#last = place;
        return place.member;
      }
      if (place === last) return null;
      place = place.next;
    }
  }

  /** Who can take and has the least load; of several with the same, whose turn is next. */
  pickLeast(loadOf: (member: M) => number, canTake: (member: M) => boolean): M | null {
    const last = this.#last;
    if (last === null) return null;
    let least: Place<M> | null = null;
    let leastLoad = Infinity;
    let place = last;
    do {
      place = place.next;
      const load = loadOf(place.member);
      if (load >= leastLoad || !canTake(place.member)) continue;
      least = place;
      leastLoad = load;
    } while (place !== last && leastLoad > 0);
    if (least === null) return null;
    this.#last = least;
    return least.member;
  }

  /** Anyone of those who can take, each as likely as the other. `random`: from 0 to below 1. */
  pickRandom(random: () => number, canTake: (member: M) => boolean): M | null {
    const list = this.#list;
    // The list is shuffled as far as it is asked.
    for (let index = 0; index < list.length; index += 1) {
      const place = list[index + Math.floor(random() * (list.length - index))];
      this.#stand(list[index], place.index);
      this.#stand(place, index);
      if (canTake(place.member)) return place.member;
    }
    return null;
  }

  /**
   * For the same key the same member, as long as it can take, whoever else comes and goes: rendezvous hashing. A member
   * that joins takes its share of the keys from all others alike; who leaves gives its own to all alike.
   */
  pickByKey(key: number, canTake: (member: M) => boolean): M | null {
    const list = this.#list;
    let best: Place<M> | null = null;
    let bestWeight = -1;
    for (let index = 0; index < list.length; index += 1) {
      const place = list[index];
      const weight = mix(place.seed ^ key);
      if (weight <= bestWeight || !canTake(place.member)) continue;
      best = place;
      bestWeight = weight;
    }
    return best === null ? null : best.member;
  }

  #stand(place: Place<M>, index: number): void {
    place.index = index;
    this.#list[index] = place;
  }
}

/** A number from 0 to 2^32 - 1 for a text: the same on every node and in every version, since members are chosen by it. */
export function hashText(text: string): number {
  // FNV-1a, over UTF-16 code units.
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix(hash);
}

/** Every bit of the result depends on every bit given (the end of MurmurHash3). */
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
