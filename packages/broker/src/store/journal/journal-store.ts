import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { type Page, scanPages, sortedRange } from '#store/scan-pages.ts';
import type { SortedRange } from '#store/sorted-table.ts';
import type { Batch, ScanRange, Store, StoredRecord, StoreStatistics, Table } from '#store/store.ts';
import { Checkpointer, type CheckpointPace } from './checkpointer.ts';
import { Cleaner } from './cleaner.ts';
import type { Disk } from './disk.ts';
import type { JournalIndex } from './journal-index.ts';
import { JournalReader } from './journal-reader.ts';
import { JournalWriter } from './journal-writer.ts';
import { manifestBytes, type Manifest } from './manifest.ts';
import type { DamagedRecord } from './recovery.ts';
import type { Segments } from './segments.ts';

export interface JournalStoreOptions {
  readonly segments: Segments;
  readonly index: JournalIndex;
  readonly manifest: Manifest;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  readonly disk: Disk;
  readonly bytesMax: number;
  readonly pace: CheckpointPace;
  /** The checkpoint that was read on opening; nothing, and 0, when there was none. */
  readonly checkpoint: { readonly bytes: number; readonly changes: number };
  /** Called when everything is closed. */
  readonly onClosed: () => Promise<void>;
}

/**
 * The durable store: an append-only journal in segment files with an index in memory (docs/adr/0001-store.md).
 * `openJournal` makes one.
 */
export class JournalStore implements Store {
  readonly isDurable = true;
  readonly #options: JournalStoreOptions;
  readonly #index: JournalIndex;
  readonly #writer: JournalWriter;
  readonly #reader: JournalReader;
  readonly #cleaner: Cleaner;
  readonly #checkpointer: Checkpointer;
  #recordsQuarantined: number;
  /** Records that were taken out of the index, and that the journal still has. */
  #quarantinesMissing = 0;
  #closing: Promise<void> | null = null;

  constructor(options: JournalStoreOptions) {
    const { segments, index, manifest } = options;
    const { secret } = manifest.state;
    this.#options = options;
    this.#index = index;
    this.#recordsQuarantined = index.count('quarantine');
    this.#writer = new JournalWriter({ ...options, onCommitted: () => this.#onCommitted() });
    this.#reader = new JournalReader(segments, index, secret, (record) => void this.quarantine(record));
    this.#cleaner = new Cleaner({ segments, index, writer: this.#writer, reader: this.#reader, secret });
    this.#checkpointer = new Checkpointer({
      ...options,
      secret,
      found: options.checkpoint,
      isIndexTrue: () => this.#quarantinesMissing === 0,
    });
  }

  commit(batch: Batch): Promise<void> {
    return this.#closing === null ? this.#writer.commit(batch.changes) : Promise.reject(closed());
  }

  async get(table: Table, key: Buffer): Promise<Buffer | null> {
    this.#assertOpen();
    return this.#reader.get(table, key.toString('latin1'));
  }

  has(table: Table, key: Buffer): boolean {
    return this.#index.get(table, key.toString('latin1')) !== undefined;
  }

  scan(table: Table, range: ScanRange = {}): AsyncIterable<readonly StoredRecord[]> {
    const readPage = (rest: SortedRange, recordsMax: number, lends: boolean): Promise<Page> => {
      this.#assertOpen();
      return this.#reader.page(table, rest, recordsMax, lends);
    };
    return scanPages(readPage, range);
  }

  async count(table: Table, range?: ScanRange): Promise<number> {
    this.#assertOpen();
    return this.#index.count(table, sortedRange(range));
  }

  statistics(): StoreStatistics {
    return {
      bytesOnDisk: this.#options.segments.bytesOnDisk + manifestBytes,
      recordsQuarantined: this.#recordsQuarantined,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Takes a damaged record out of its table at once, and then puts its bytes where somebody may look at them. */
  async quarantine(record: DamagedRecord): Promise<void> {
    const { table, key, location, place, bytes } = record;
    if (this.#index.get(table, key) !== location) return;
    this.#index.delete(table, key);
    this.#recordsQuarantined += 1;
    const name = Buffer.from(key, 'latin1');
    this.#options.log.error(
      { table, key: name.toString(), keyHex: name.toString('hex'), place },
      'a record of the store is damaged: it is kept in quarantine and counts as absent',
    );
    const kept = Buffer.concat([Buffer.from(`${table}/`), name]);
    const at = this.#index.get('quarantine', kept.toString('latin1')) ?? null;
    this.#quarantinesMissing += 1;
    try {
      await this.#writer.amend([
        { table: 'quarantine', key: kept, value: bytes, at },
        { table, key: name, value: null, at: null },
      ]);
      this.#quarantinesMissing -= 1;
    } catch (error) {
      // Until the journal takes it, the record is found damaged again at the next opening.
      this.#options.log.warn({ table, place, reason: String(error) }, 'the quarantined record could not be put aside yet');
    }
  }

  /** Counts changes that are lost and cannot be named. */
  countLost(changes: number): void {
    this.#recordsQuarantined += changes;
  }

  /** Writes what lives in all segments up to `segment` again, and drops them; false when there was no room for that. */
  evacuate(segment: number): Promise<boolean> {
    return this.#cleaner.evacuate(segment);
  }

  /** Writes a checkpoint if much had to be replayed. */
  considerCheckpoint(): void {
    this.#checkpointer.considerOpened();
  }

  /** Makes sure that a full disk leaves room to delete. */
  restoreReserve(): Promise<void> {
    return this.#writer.restoreReserve();
  }

  #onCommitted(): void {
    this.#cleaner.consider();
    this.#checkpointer.consider();
  }

  async #close(): Promise<void> {
    const { segments, manifest } = this.#options;
    await this.#checkpointer.stop();
    await this.#cleaner.stop();
    await this.#writer.close();
    if (this.#writer.failure === null) await manifest.save({ sequence: segments.sequence, changes: segments.changes });
    await segments.close();
    await manifest.close();
    await this.#options.onClosed();
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw closed();
  }
}

function closed(): OperationalError {
  return new OperationalError('store.closed', 'the store is closed');
}
