import type { StoreOp } from '#store/session-store.ts';

/*
 * The part of IndexedDB that is used, declared here because the types of browsers are not those of the whole program.
 */
interface DatabaseEvents {
  addEventListener(type: string, listener: () => void): void;
}

interface DatabaseRequest<T> extends DatabaseEvents {
  readonly result: T;
  readonly error: Error | null;
}

interface ObjectStore {
  put(value: { readonly key: number }): unknown;
  delete(key: number): unknown;
  getAll(range?: unknown, count?: number): DatabaseRequest<StoredStep[]>;
}

interface Transaction extends DatabaseEvents {
  readonly error: Error | null;
  objectStore(name: string): ObjectStore;
  abort(): void;
}

interface Connection extends DatabaseEvents {
  createObjectStore(name: string, options: { keyPath: string }): unknown;
  transaction(name: string, mode: 'readonly' | 'readwrite', options?: { durability: 'strict' }): Transaction;
  close(): void;
}

export interface DatabaseFactory {
  open(name: string, version: number): DatabaseRequest<Connection>;
}

export interface KeyRange {
  lowerBound(bound: number, isOpen: boolean): unknown;
}

/** Steps are kept under numbers that grow. */
export interface StoredStep {
  readonly key: number;
  readonly op: StoreOp;
}

const VERSION = 1;
const STEPS = 'steps';

/** One database of a browser with one table of steps. */
export class BrowserDatabase {
  readonly #connection: Connection;
  readonly #keyRange: KeyRange;

  private constructor(connection: Connection, keyRange: KeyRange) {
    this.#connection = connection;
    this.#keyRange = keyRange;
    // Somebody deletes it: better to fail than to keep them waiting.
    connection.addEventListener('versionchange', () => connection.close());
  }

  static open(factory: DatabaseFactory, keyRange: KeyRange, name: string): Promise<BrowserDatabase> {
    return new Promise((resolve, reject) => {
      const request = factory.open(name, VERSION);
      request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STEPS, { keyPath: 'key' }));
      request.addEventListener('success', () => resolve(new BrowserDatabase(request.result, keyRange)));
      request.addEventListener('error', () => reject(request.error ?? new Error('the database cannot be opened')));
    });
  }

  /** So many steps with keys above `after`, in order. */
  read(after: number, count: number): Promise<StoredStep[]> {
    return new Promise((resolve, reject) => {
      const transaction = this.#connection.transaction(STEPS, 'readonly');
      const request = transaction.objectStore(STEPS).getAll(this.#keyRange.lowerBound(after, true), count);
      request.addEventListener('success', () => resolve(request.result));
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')));
    });
  }

  /** The one entry of this database, which is `entry` if there was none. One transaction: of two tabs both get the same. */
  keepOne<Entry extends { readonly key: number }>(entry: Entry): Promise<Entry> {
    return new Promise((resolve, reject) => {
      const transaction = this.#connection.transaction(STEPS, 'readwrite', { durability: 'strict' });
      const store = transaction.objectStore(STEPS);
      const request = store.getAll();
      let kept = entry;
      request.addEventListener('success', () => {
        const [found] = request.result as readonly { readonly key: number }[];
        if (found === undefined) store.put(entry);
        else kept = found as Entry;
      });
      transaction.addEventListener('complete', () => resolve(kept));
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')));
    });
  }

  /** One transaction; resolves when it is on the disk. */
  write(steps: readonly StoredStep[], voided: readonly number[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const transaction = this.#connection.transaction(STEPS, 'readwrite', { durability: 'strict' });
      transaction.addEventListener('complete', resolve);
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')));
      const store = transaction.objectStore(STEPS);
      try {
        for (const step of steps) store.put(step);
        for (const key of voided) store.delete(key);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        transaction.abort();
      }
    });
  }

  close(): void {
    this.#connection.close();
  }
}
