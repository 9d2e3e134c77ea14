import type { OperationalError } from '#base/errors.ts';
import type { Committer, Participant } from './committer.ts';
import type { Batch, ScanRange, Store, StoredRecord } from './store.ts';

/** Hears whether a change is on disk; false: it was refused with its batch, and is gone. */
export type SettledChange = (isWritten: boolean) => void;

/** What becomes of a key with the next batch. */
interface Change {
  readonly key: Buffer;
  /** Null deletes. */
  readonly value: Buffer | null;
  readonly listeners: SettledChange[];
  /** Whether it is tried again until it is written, or superseded. */
  readonly isKept: boolean;
}

/**
 * Durable records of one part of the house, under keys of its own in the table `feature`. What is changed joins the open batch,
 * so that it comes true together with everything else that the same turn has caused, or not at all.
 */
export class Collection implements Participant {
  readonly #store: Store;
  readonly #committer: Committer;
  readonly #prefix: Buffer;
  /** The first key behind those of the collection. */
  readonly #end: Buffer;
  /** By key in latin1 form: the changes for the open batch, and those of the batch that is being committed. */
  #pending = new Map<string, Change>();
  #sealed = new Map<string, Change>();
  #isJoined = false;

  /** `name`: `feature/collection`. */
  constructor(store: Store, committer: Committer, name: string) {
    this.#store = store;
    this.#committer = committer;
    this.#prefix = Buffer.from(`${name}/`);
    // ASCII: the slash is followed by the zero.
    this.#end = Buffer.from(`${name}0`);
  }

  /** True while the disk is full: nothing should be put then, since it would be refused, and the batch's deletions with it. */
  get isFull(): boolean {
    return this.#committer.isFull;
  }

  /**
   * Puts a record; key and value belong to the collection from here on. With `onSettled` the change is gone when its batch is
   * refused, and the listener told so; without, it is tried again until it is written.
   */
  put(key: Buffer, value: Buffer, onSettled?: SettledChange): void {
    this.#change(key, value, onSettled);
  }

  /** Deletes a record, if there is one; `onSettled` as for `put`. */
  delete(key: Buffer, onSettled?: SettledChange): void {
    this.#change(key, null, onSettled);
  }

  /** The value as it is now, with what waits to be written; null when there is none. */
  async get(key: Buffer): Promise<Buffer | null> {
    const name = key.toString('latin1');
    const change = this.#pending.get(name) ?? this.#sealed.get(name);
    return change === undefined ? this.#store.get('feature', this.#full(key)) : change.value;
  }

  /** The records that are on disk, in the order of their keys, in pages of bounded size. */
  async *scan(range: ScanRange = {}): AsyncGenerator<readonly StoredRecord[]> {
    const skipped = this.#prefix.length;
    for await (const page of this.#store.scan('feature', { ...range, ...this.#bounds(range) })) {
      yield page.map(({ key, value }) => ({ key: key.subarray(skipped), value }));
    }
  }

  /** How many records are on disk in a range; reads no values. */
  count(range: ScanRange = {}): Promise<number> {
    return this.#store.count('feature', this.#bounds(range));
  }

  persist(batch: Batch): void {
    this.#isJoined = false;
    this.#sealed = this.#pending;
    this.#pending = new Map();
    for (const { key, value } of this.#sealed.values()) {
      if (value === null) batch.delete('feature', this.#full(key));
      else batch.put('feature', this.#full(key), value);
    }
  }

  settled(error: OperationalError | null): void {
    const sealed = this.#sealed;
    this.#sealed = new Map();
    if (error !== null) {
      for (const [name, change] of sealed)
        if (change.isKept && !this.#pending.has(name)) this.#pending.set(name, { ...change, listeners: [] });
      if (this.#pending.size > 0) this.#join();
    }
    for (const { listeners } of sealed.values()) for (const listener of listeners) listener(error === null);
  }

  #change(key: Buffer, value: Buffer | null, onSettled: SettledChange | undefined): void {
    const name = key.toString('latin1');
    const listeners = this.#pending.get(name)?.listeners ?? [];
    if (onSettled !== undefined) listeners.push(onSettled);
    this.#pending.set(name, { key, value, listeners, isKept: onSettled === undefined });
    this.#join();
  }

  #join(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#committer.join(this);
  }

  #bounds({ from, to }: ScanRange): { from: Buffer; to: Buffer } {
    return { from: from === undefined ? this.#prefix : this.#full(from), to: to === undefined ? this.#end : this.#full(to) };
  }

  #full(key: Buffer): Buffer {
    return Buffer.concat([this.#prefix, key]);
  }
}
