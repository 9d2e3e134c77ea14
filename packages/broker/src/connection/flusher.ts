// HOT
/** Whoever has gathered bytes in this turn. */
interface Flushable {
  flush(): void;
}

/** Sends, once per turn of the event loop, what every connection has gathered: one write each. */
export class Flusher {
  #dirty: Flushable[] = [];
  #isScheduled = false;

  add(outbox: Flushable): void {
    this.#dirty.push(outbox);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flushAll);
  }

  readonly #flushAll = (): void => {
    this.#isScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (let i = 0; i < dirty.length; i += 1) dirty[i].flush();
  };
}
