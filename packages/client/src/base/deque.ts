// HOT
const slotsMin = 16;

/** A queue with two ends, in a ring that grows. Taking costs the same whatever its length. */
export class Deque<T> {
  #ring: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The first one; undefined when it is empty. */
  get first(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  /** `index` counts from the first one and is below the length. */
  at(index: number): T {
    return this.#ring[(this.#head + index) & (this.#ring.length - 1)] as T;
  }

  push(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value;
    this.#length++;
  }

  unshift(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = value;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    return value;
  }

  /** Takes out the first that satisfies the condition; undefined when none does. */
  takeFirst(condition: (value: T) => boolean): T | undefined {
    if (this.#length > 0 && condition(this.first!)) return this.shift();
    let found: T | undefined;
    for (let left = this.#length; left > 0; left--) {
      const value = this.shift()!;
      if (found === undefined && condition(value)) found = value;
      else this.push(value);
    }
    return found;
  }

  /** Leaves nothing, and gives back what was in it, in order. */
  drain(): T[] {
    const all = Array.from({ length: this.#length }, (_, index) => this.at(index));
    this.#ring = [];
    this.#head = 0;
    this.#length = 0;
    return all;
  }

  #grow(): void {
    const all = this.drain();
    this.#length = all.length;
    this.#ring = all;
    // The ring's length stays a power of two. A hole would slow the array down.
    const slots = Math.max(slotsMin, all.length * 2);
    for (let index = all.length; index < slots; index++) this.#ring.push(undefined);
  }
}
