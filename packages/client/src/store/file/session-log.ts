import { join } from 'node:path';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import { compact, readSteps } from './compaction.ts';
import type { FileSystem } from './file-system.ts';
import { type LiveIndex, Survivors } from './live-index.ts';
import { recoverLog } from './recover-log.ts';
import { RecordWriter } from './record-writer.ts';
import { segmentName } from './segment.ts';
import { diskError } from './store-error.ts';

/** How long 'interval' leaves written steps unsynced. */
const SYNC_INTERVAL_MS = 1_000;

export type SyncMode = 'always' | 'interval' | 'never';

export interface LogSettings {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly clientDigest: Buffer;
  readonly sync: SyncMode;
  /** A segment that has grown so long is sealed, and the next begun. */
  readonly segmentBytes: number;
}

/** A segment that does not grow any more. */
export interface SealedSegment {
  readonly number: number;
  readonly bytes: number;
}

/** The steps of one session in its files: writes them, gives them back, and keeps the files from growing for ever. */
export class SessionLog {
  readonly index: LiveIndex;
  /** Whether there were steps when it was opened. */
  readonly existed: boolean;
  readonly #settings: LogSettings;
  /** Without gaps. */
  readonly #sealed: SealedSegment[];
  #active: RecordWriter | undefined;
  #nextNumber: number;
  /** After it nothing is written any more. */
  #failure: Error | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #isDirty = false;
  /** The replay reads the files that a compaction replaces. */
  #isReplayed = false;
  #compaction: Promise<void> | undefined;
  /** Garbage that a failed compaction found: it is tried again when there is more. */
  #futileBytes = 0;
  #isClosing = false;

  private constructor(settings: LogSettings, recovered: Awaited<ReturnType<typeof recoverLog>>) {
    this.#settings = settings;
    this.index = recovered.index;
    this.existed = !recovered.index.isEmpty;
    this.#sealed = recovered.sealed;
    this.#active = recovered.active;
    this.#nextNumber = recovered.nextNumber;
  }

  /** Reads everything, cuts what a crash has left half written. Rejects with MqttError STORE when something is damaged. */
  static async open(settings: LogSettings): Promise<SessionLog> {
    return new SessionLog(settings, await recoverLog(settings));
  }

  /** The steps that matter, in order. Read once, before the first write. */
  async *replay(): AsyncGenerator<StoreOp> {
    try {
      const survivors = new Survivors(this.index);
      const numbers = [...this.#sealed.map(({ number }) => number), ...(this.#active === undefined ? [] : [this.#active.number])];
      for (const number of numbers) {
        for await (const steps of readSteps(this.#settings.fileSystem, this.#path(number))) {
          for (const { op, at } of steps) if (survivors.keeps(op, number, at)) yield op;
        }
      }
    } finally {
      this.#isReplayed = true;
    }
  }

  /**
   * Appends one record; resolves when it is as durable as the settings want. Called one after the other. Rejects with MqttError STORE,
   * and then nothing of it counts; when even that cannot be made sure, so does every further call.
   */
  async write(ops: readonly StoreOp[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const active = await this.#begin();
    const { length, ats } = await this.#attempt('cannot write', active, () => active.write(ops));
    if (this.#settings.sync === 'always') await this.#sync(active);
    else this.#syncLater();
    active.end += length;
    ops.forEach((op, position) => {
      const end = ats[position + 1] ?? active.end - 1;
      this.index.apply(op, { segment: active.number, at: ats[position], bytes: end - ats[position] });
    });
  }

  /** Ends a segment that has grown long, and starts to remove garbage. Never rejects. */
  async tend(): Promise<void> {
    if (this.#active !== undefined && this.#active.end >= this.#settings.segmentBytes) await this.#seal(this.#active);
    this.#compactIfUseful();
  }

  /** Syncs what is not yet, and frees the files. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#syncTimer);
    await this.#compaction;
    const active = this.#active;
    if (active === undefined) return;
    if (this.#failure === undefined) await this.#seal(active);
    // It could not be sealed: the next opening reads on from its end.
    if (this.#active !== undefined) {
      if (this.#failure === undefined && this.#isDirty) await this.#sync(active);
      await active.file.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #path(number: number): string {
    return join(this.#settings.directory, segmentName(number));
  }

  async #begin(): Promise<RecordWriter> {
    if (this.#active !== undefined) return this.#active;
    const { fileSystem, directory, clientDigest } = this.#settings;
    const number = this.#nextNumber;
    try {
      const isBase = this.#sealed.length === 0;
      const active = await RecordWriter.create(fileSystem, this.#path(number), { number, isBase, clientDigest });
      try {
        await active.file.sync();
        await fileSystem.syncDirectory(directory);
      } catch (error) {
        await active.file.close();
        throw error;
      }
      this.#active = active;
      this.#nextNumber += 1;
      return active;
    } catch (error) {
      throw diskError('cannot begin a file', error);
    }
  }

  /** Nothing follows in this segment. A disk without room for it is no failure: the segment goes on. */
  async #seal(active: RecordWriter): Promise<void> {
    try {
      const { length } = await this.#attempt('cannot end a file', active, () => active.write([]));
      await this.#sync(active);
      active.end += length;
    } catch {
      return;
    }
    this.#sealed.push({ number: active.number, bytes: active.end });
    this.#active = undefined;
    // Its bytes are on the disk, whatever closing says.
    await active.file.close().catch(() => undefined);
  }

  /** What has failed half way is taken back. */
  async #attempt<T>(what: string, active: RecordWriter, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await active.file.truncate(active.end).catch((cause: unknown) => this.#fail(diskError('cannot take back a write', cause)));
      throw diskError(what, error);
    }
  }

  /** A sync that has failed is never tried again: what it was to write may be gone from the system's memory. */
  async #sync(active: RecordWriter): Promise<void> {
    try {
      this.#isDirty = false;
      await active.file.sync();
    } catch (error) {
      await active.file.truncate(active.end).catch(() => undefined);
      throw this.#fail(diskError('cannot bring a file to the disk', error));
    }
  }

  #fail(error: Error): Error {
    this.#failure ??= error;
    return error;
  }

  #syncLater(): void {
    this.#isDirty = true;
    if (this.#settings.sync === 'never') return;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      // The next write tells.
      if (this.#active !== undefined && this.#isDirty) this.#sync(this.#active).catch(() => undefined);
    }, SYNC_INTERVAL_MS).unref();
  }

  #compactIfUseful(): void {
    if (this.#compaction !== undefined || !this.#isReplayed || this.#isClosing || this.#failure !== undefined) return;
    const count = this.#countCompactable();
    if (count === 0) return;
    this.#compaction = this.#compact(this.#sealed.slice(0, count)).finally(() => {
      this.#compaction = undefined;
    });
  }

  /** The first segments that are worth it: they hold as much garbage as what is to be copied. */
  #countCompactable(): number {
    let bytes = 0;
    let live = 0;
    let count = 0;
    const garbageMin = Math.max(this.#settings.segmentBytes / 2, this.#futileBytes);
    this.#sealed.forEach((segment, position) => {
      bytes += segment.bytes;
      live += this.index.bytesOf(segment.number);
      if (bytes - live >= garbageMin && bytes - live >= live) count = position + 1;
    });
    return count;
  }

  /** Puts one file in the place of the first segments. The appending goes on meanwhile. */
  async #compact(sources: readonly SealedSegment[]): Promise<void> {
    const { fileSystem, directory, clientDigest } = this.#settings;
    const { number } = sources[sources.length - 1];
    const target = join(directory, segmentName(number).replace('.log', '.tmp'));
    try {
      const compacted = await compact({
        fileSystem,
        sources: sources.map((source) => ({ number: source.number, path: this.#path(source.number) })),
        target,
        index: this.index,
        clientDigest,
        isWanted: () => !this.#isClosing,
      });
      if (compacted === undefined) return await fileSystem.remove(target);
      // ORDER: what made steps void is on the disk before they are gone.
      if (this.#active !== undefined && this.#isDirty) await this.#sync(this.#active);
      await fileSystem.rename(target, this.#path(number));
      this.#sealed.splice(0, sources.length, { number, bytes: compacted.bytes });
      for (const { entry, at } of compacted.moved) this.index.move(entry, number, at);
    } catch (error) {
      // A damaged file must not wait for the next opening to be noticed; a full disk may have room again.
      if (error instanceof MqttError) this.#fail(error);
      this.#futileBytes = 2 * sources.reduce((sum, source) => sum + source.bytes, 0);
      return fileSystem.remove(target).catch(() => undefined);
    }
    this.#futileBytes = 0;
    await this.#removeReplaced(sources.slice(0, -1));
  }

  async #removeReplaced(replaced: readonly SealedSegment[]): Promise<void> {
    const { fileSystem, directory } = this.#settings;
    try {
      // ORDER: only when the disk knows what stands in their place.
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      this.#fail(diskError('cannot bring a directory to the disk', error));
      return;
    }
    // The next opening removes what cannot be removed now.
    for (const { number } of replaced) await fileSystem.remove(this.#path(number)).catch(() => undefined);
  }
}
