// HOT
/** From so many values on, a list is accompanied by an index, so that finding a value does not cost a walk. */
const INDEXED_FROM = 32;

/** The values of one filter: none, one (as it is), or several. Almost every filter has one, which then costs nothing more. */
export type Values<T> = undefined | T | Several<T>;

/** Two or more values without order; adding and removing cost the same however many there are. */
class Several<T> {
  readonly list: T[];
  /** Where each value stands in `list`; null while they are few. */
  #places: Map<T, number> | null = null;

  constructor(first: T, second: T) {
    this.list = [first, second];
  }

  add(value: T): boolean {
    if (this.#placeOf(value) >= 0) return false;
    this.list.push(value);
    if (this.#places !== null) this.#places.set(value, this.list.length - 1);
    else if (this.list.length >= INDEXED_FROM) this.#places = new Map(this.list.map((one, place) => [one, place]));
    return true;
  }

  remove(value: T): boolean {
    const place = this.#placeOf(value);
    if (place < 0) return false;
    const last = this.list.pop() as T;
    if (last !== value) {
      this.list[place] = last;
      this.#places?.set(last, place);
    }
    if (this.list.length < INDEXED_FROM / 2) this.#places = null;
    else this.#places?.delete(value);
    return true;
  }

  #placeOf(value: T): number {
    if (this.#places === null) return this.list.indexOf(value);
    return this.#places.get(value) ?? -1;
  }
}

/** The values with one more; the very same `values` when it was there, or when it was taken into a list. */
export function withValue<T>(values: Values<T>, value: T): Values<T> {
  if (values === undefined) return value;
  if (values instanceof Several) {
    values.add(value);
    return values;
  }
  return values === value ? values : new Several(values, value);
}

/** The values without one. */
export function withoutValue<T>(values: Values<T>, value: T): Values<T> {
  if (values instanceof Several) {
    values.remove(value);
    return values.list.length === 1 ? values.list[0] : values;
  }
  return values === value ? undefined : values;
}

export function countOf<T>(values: Values<T>): number {
  if (values === undefined) return 0;
  return values instanceof Several ? values.list.length : 1;
}

/** Appends every value to `out`. */
export function append<T>(values: Values<T>, out: T[]): void {
  if (values === undefined) return;
  if (values instanceof Several) {
    const list = values.list;
    for (let index = 0; index < list.length; index += 1) out.push(list[index]);
  } else {
    out.push(values);
  }
}
