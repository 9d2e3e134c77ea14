import type { StoreOp } from '#store/session-store.ts';

/** Under which keys the steps stand that still matter. */
export class LiveKeys {
  readonly #outgoing = new Map<bigint, number[]>();
  readonly #incoming = new Map<number, number[]>();
  readonly #subscriptions = new Map<string, number[]>();
  #session: number[] = [];

  /** @returns whether the step is to be stored, under `key`; the keys of those that it makes void go to `voided`. */
  apply(op: StoreOp, key: number, voided: number[]): boolean {
    switch (op.op) {
      case 'out.put':
        return put(this.#outgoing, op.seq, key, voided);
      case 'out.sent':
      case 'out.rec':
        return follow(this.#outgoing, op.seq, key);
      case 'out.done':
        return drop(this.#outgoing, op.seq, voided);
      case 'in.put':
        return put(this.#incoming, op.packetId, key, voided);
      case 'in.handled':
        return follow(this.#incoming, op.packetId, key);
      case 'in.free':
        return drop(this.#incoming, op.packetId, voided);
      case 'sub.put':
        return put(this.#subscriptions, op.filter, key, voided);
      case 'sub.del':
        return drop(this.#subscriptions, op.filter, voided);
      case 'session':
        for (const keys of [this.#session, ...this.#incoming.values(), ...this.#subscriptions.values()]) voided.push(...keys);
        this.#incoming.clear();
        this.#subscriptions.clear();
        this.#session = [key];
        return true;
    }
  }
}

function put<K>(keys: Map<K, number[]>, name: K, key: number, voided: number[]): true {
  drop(keys, name, voided);
  keys.set(name, [key]);
  return true;
}

/** A step that says something about another one. */
function follow<K>(keys: Map<K, number[]>, name: K, key: number): boolean {
  const found = keys.get(name);
  found?.push(key);
  return found !== undefined;
}

/** It leaves nothing behind, not even itself. */
function drop<K>(keys: Map<K, number[]>, name: K, voided: number[]): false {
  voided.push(...(keys.get(name) ?? []));
  keys.delete(name);
  return false;
}
