class Node<T> {
  readonly children = new Map<string, Node<T>>();
  value: T | undefined;
}

/** Finds, among filters with one value each, those that match a topic. Filters are without `$share`. */
export class FilterTrie<T> {
  #root = new Node<T>();

  set(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let child = node.children.get(level);
      if (child === undefined) node.children.set(level, (child = new Node()));
      node = child;
    }
    node.value = value;
  }

  delete(filter: string): void {
    const levels = filter.split('/');
    const path = [this.#root];
    for (const level of levels) {
      const child = path.at(-1)!.children.get(level);
      if (child === undefined) return;
      path.push(child);
    }
    path.at(-1)!.value = undefined;
    for (let depth = levels.length; depth > 0; depth -= 1) {
      const node = path[depth];
      if (node.value !== undefined || node.children.size > 0) return;
      path[depth - 1].children.delete(levels[depth - 1]);
    }
  }

  match(topic: string): T[] {
    const found: T[] = [];
    this.#collect(this.#root, topic.split('/'), 0, found);
    return found;
  }

  #collect(node: Node<T>, levels: readonly string[], depth: number, found: T[]): void {
    const add = (value: T | undefined): void => {
      if (value !== undefined) found.push(value);
    };
    const hasWildcards = depth > 0 || !levels[0].startsWith('$'); // [MQTT-4.7.2-1]
    if (hasWildcards) add(node.children.get('#')?.value); // [MQTT-4.7.1-1]
    if (depth === levels.length) return add(node.value);
    const literal = node.children.get(levels[depth]);
    if (literal !== undefined) this.#collect(literal, levels, depth + 1, found);
    const plus = hasWildcards ? node.children.get('+') : undefined; // [MQTT-4.7.1-2]
    if (plus !== undefined) this.#collect(plus, levels, depth + 1, found);
  }
}
