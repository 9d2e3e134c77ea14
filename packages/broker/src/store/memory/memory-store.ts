import { OperationalError, assert } from '#base/errors.ts';
import { PAGE_BYTES_MAX, scanPages, sortedRange, type Page } from '#store/scan-pages.ts';
import { SortedTable, type SortedRange } from '#store/sorted-table.ts';
import { tables, type Batch, type ScanRange, type Store, type StoredRecord, type StoreStatistics, type Table } from '#store/store.ts';

/** Keeps records in memory only: for tests, and for brokers that need not remember (`persistence: memory`). */
export class MemoryStore implements Store {
  readonly isDurable = false;
  readonly #tables = new Map<Table, SortedTable<Buffer>>(tables.map((table) => [table, new SortedTable<Buffer>()]));
  #isClosed = false;

  async commit(batch: Batch): Promise<void> {
    this.#assertOpen();
    for (const { table, key, value } of batch.changes) {
      assert(key.length >= 1 && key.length <= 512, 'a key has 1 to 512 bytes');
      const records = this.#tableOf(table);
      if (value === null) records.delete(key.toString('latin1'));
      else records.set(key.toString('latin1'), copyOf(value));
    }
  }

  async get(table: Table, key: Buffer): Promise<Buffer | null> {
    this.#assertOpen();
    const value = this.#tableOf(table).get(key.toString('latin1'));
    return value === undefined ? null : copyOf(value);
  }

  has(table: Table, key: Buffer): boolean {
    this.#assertOpen();
    return this.#tableOf(table).get(key.toString('latin1')) !== undefined;
  }

  scan(table: Table, range: ScanRange = {}): AsyncIterable<readonly StoredRecord[]> {
    return scanPages((rest, recordsMax) => this.#readPage(table, rest, recordsMax), range);
  }

  async count(table: Table, range?: ScanRange): Promise<number> {
    this.#assertOpen();
    return this.#tableOf(table).count(sortedRange(range));
  }

  statistics(): StoreStatistics {
    return { bytesOnDisk: 0, recordsQuarantined: 0 };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tables.clear();
  }

  #readPage(table: Table, range: SortedRange, recordsMax: number): Page {
    this.#assertOpen();
    const records: StoredRecord[] = [];
    let bytes = 0;
    let resumeAt: string | null = null;
    this.#tableOf(table).walk(range, (key, value) => {
      records.push({ key: Buffer.from(key, 'latin1'), value: copyOf(value) });
      bytes += value.length;
      if (records.length < recordsMax && bytes < PAGE_BYTES_MAX) return true;
      resumeAt = key;
      return false;
    });
    return { records, resumeAt };
  }

  #tableOf(table: Table): SortedTable<Buffer> {
    const records = this.#tables.get(table);
    assert(records !== undefined, `no table ${table}`);
    return records;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new OperationalError('store.closed', 'the store is closed');
  }
}

/** A stored value shares its bytes with nobody: not with a caller's buffer, not with Node's pool. */
function copyOf(value: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(value.length);
  value.copy(copy);
  return copy;
}
