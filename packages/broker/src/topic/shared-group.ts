// HOT
/** A member's place in the ring; alone, it is its own neighbour. */
class Place<M> {
  readonly member: M;
  next: Place<M> = this;
  previous: Place<M> = this;

  constructor(member: M) {
    this.member = member;
  }
}

/**
 * The members of one shared subscription: one group name with one filter. They stand in a ring, so that turns stay fair
 * and joining and leaving cost the same in a group of 100,000.
 */
export class SharedGroup<M> {
  readonly name: string;
  readonly filter: string;
  readonly #places = new Map<M, Place<M>>();
  /** Whose turn is the last of this round: who was picked last, or who joined since. */
  #last: Place<M> | null = null;

  constructor(name: string, filter: string) {
    this.name = name;
    this.filter = filter;
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  get size(): number {
    return this.#places.size;
  }

  /** In the order in which they joined. */
  get members(): Iterable<M> {
    return this.#places.keys();
  }

  has(member: M): boolean {
    return this.#places.has(member);
  }

  /** False when the member was there already. */
  join(member: M): boolean {
    if (this.#places.has(member)) return false;
    const last = this.#last;
    const place = new Place(member);
    if (last !== null) {
      place.previous = last;
      place.next = last.next;
      last.next.previous = place;
      last.next = place;
    }
    // Everybody else has a turn first.
    this.#last = place;
    this.#places.set(member, place);
    return true;
  }

  /** False when it was no member. */
  leave(member: M): boolean {
    const place = this.#places.get(member);
    if (place === undefined) return false;
    this.#places.delete(member);
    if (this.#places.size === 0) {
      this.#last = null;
      return true;
    }
    place.previous.next = place.next;
    place.next.previous = place.previous;
    if (this.#last === place) this.#last = place.previous;
    return true;
  }

  /** The first from the one after the last picked who can take; null when nobody can. Asks each member at most once. */
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
}

/** All shared groups of a broker, by group name and filter. A group exists as long as it has a member. */
export class SharedGroups<M> {
  readonly #groups = new Map<string, SharedGroup<M>>();

  get size(): number {
    return this.#groups.size;
  }

  get all(): Iterable<SharedGroup<M>> {
    return this.#groups.values();
  }

  get(name: string, filter: string): SharedGroup<M> | null {
    return this.#groups.get(keyOf(name, filter)) ?? null;
  }

  /** The group that the member is in from here on; with one member it is a new one, if the member was not there before. */
  join(name: string, filter: string, member: M): SharedGroup<M> {
    const key = keyOf(name, filter);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new SharedGroup(name, filter);
      this.#groups.set(key, group);
    }
    group.join(member);
    return group;
  }

  /** The group that the member has left, dropped when it `isEmpty`; null when it was no member. */
  leave(name: string, filter: string, member: M): SharedGroup<M> | null {
    const key = keyOf(name, filter);
    const group = this.#groups.get(key);
    if (group === undefined || !group.leave(member)) return null;
    if (group.isEmpty) this.#groups.delete(key);
    return group;
  }
}

/** A group's name has no slash in it, so the key is unambiguous. [MQTT-4.8.2-1] */
function keyOf(name: string, filter: string): string {
  return `${name}/${filter}`;
}
