// HOT

/** A queue that grows: first in, first out, without moving what waits. */
export class Ring<T> {
  #items: Array<T | undefined> = new Array(16);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length += 1;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length -= 1;
    return item;
  }

  /** Takes out the first that satisfies the condition; undefined when none does. */
  takeFirst(condition: (item: T) => boolean): T | undefined {
    if (this.#length > 0 && condition(this.#items[this.#head]!)) return this.shift();
    let found: T | undefined;
    for (let left = this.#length; left > 0; left -= 1) {
      const item = this.shift()!;
      if (found === undefined && condition(item)) found = item;
      else this.push(item);
    }
    return found;
  }

  #grow(): void {
    const items = this.#items;
    this.#items = items.slice(this.#head).concat(items.slice(0, this.#head));
    this.#items.length = items.length * 2;
    this.#head = 0;
  }
}
