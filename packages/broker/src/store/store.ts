/**
 * The durability contract. A store keeps records in a few ordered tables and changes them in atomic batches.
 * It is small, batch-shaped and asynchronous, so that a file, a database or a replicated log can meet it;
 * `store/contract.test.ts` runs against every implementation.
 */

/** The tables of the house. Each key is unique in its table; keys order by their bytes. */
export const tables = ['meta', 'session', 'queue', 'log', 'retained', 'feature', 'quarantine'] as const;
export type Table = (typeof tables)[number];

/** One change; `value: null` deletes. Keys have 1 to 512 bytes, values 0 bytes to 512 MiB. */
export interface Change {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** What one transaction will do. Later changes of a key win over earlier ones. */
export class Batch {
  readonly changes: Change[] = [];

  get isEmpty(): boolean {
    return this.changes.length === 0;
  }

  /** The buffers belong to the batch from here on and must not change before `commit` settles. */
  put(table: Table, key: Buffer, value: Buffer): void {
    this.changes.push({ table, key, value });
  }

  delete(table: Table, key: Buffer): void {
    this.changes.push({ table, key, value: null });
  }
}

export interface ScanRange {
  /** First key to visit, inclusive; the table's first when absent. */
  readonly from?: Buffer;
  /** Where to stop, exclusive; after the table's last when absent. */
  readonly to?: Buffer;
  /** Visits from the end towards the start. */
  readonly isReverse?: boolean;
  /** At most so many records; Infinity when absent. */
  readonly limit?: number;
  /**
   * Reads each page while the one before is looked at, and lends keys and values: who keeps one copies it, or keeps its neighbours in
   * memory too. For who is sure to want all of them.
   */
  readonly readsAhead?: boolean;
}

export interface StoredRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface StoreStatistics {
  readonly bytesOnDisk: number;
  readonly recordsQuarantined: number;
}

export interface Store {
  /** False when nothing survives the process. */
  readonly isDurable: boolean;

  /**
   * Applies a batch atomically; resolves when it is flushed to the device. Batches commit in the order of the calls.
   * Rejects with OperationalError `store.full` (retryable: nothing of the batch was applied) or `store.failed`
   * (a write or flush failed: the process must stop and recover by a restart).
   */
  commit(batch: Batch): Promise<void>;

  /** The value that is committed when it is called, or null. A damaged record reads as null after it is quarantined and counted. */
  get(table: Table, key: Buffer): Promise<Buffer | null>;

  /** Whether a committed record exists, where the store can tell at once without reading it. */
  has?(table: Table, key: Buffer): boolean;

  /** Committed records in key order, in pages of bounded size; damaged records are quarantined and skipped. */
  scan(table: Table, range?: ScanRange): AsyncIterable<readonly StoredRecord[]>;

  /** The number of committed records of a table, or of a range of it; reads no values. `isReverse` and `limit` have no meaning here. */
  count(table: Table, range?: ScanRange): Promise<number>;

  statistics(): StoreStatistics;

  /** Flushes, closes and releases the lock. Calls after it reject. */
  close(): Promise<void>;
}
