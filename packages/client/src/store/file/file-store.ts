import { resolve as resolvePath } from 'node:path';
import { MqttError } from '#base/mqtt-error.ts';
import type { SessionStore, StoreOp } from '#store/session-store.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { measureOp } from './op-codec.ts';
import { machineProcesses, type ProcessTable } from './process-table.ts';
import { digestClientId, sessionDirectory } from './session-directory.ts';
import { SessionLock } from './session-lock.ts';
import { SessionLog, type SyncMode } from './session-log.ts';
import { diskError } from './store-error.ts';
import { readStoreIdentity } from './store-identity.ts';

export interface FileStoreOptions {
  /**
   * 'always' (default): an append resolves when it is on the disk; appends that wait together share one sync. 'interval': when the
   * system has it, which survives the end of the process; the disk has it at most a second later. 'never': the disk has it when the
   * system likes.
   */
  readonly sync?: SyncMode;
  /** Bytes of everything unfinished: beyond, messages are refused with QUEUE_FULL. The files take up to twice as much. Default 1 GiB. */
  readonly maxBytes?: number;
}

/** What of the machine a store uses; for tests. */
export interface FileStoreSurroundings {
  readonly fileSystem: FileSystem;
  readonly processes: ProcessTable;
  readonly segmentBytes?: number;
}

const BYTES_MAX = 2 ** 30;
const SEGMENT_BYTES_MIN = 64 * 1024;
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
/** Batches that wait together are written as one record, up to this size. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;

interface Batch {
  readonly ops: readonly StoreOp[];
  readonly bytes: number;
  /** Of a batch that the bound may refuse, else 0. */
  readonly boundBytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

interface OpenSession {
  readonly log: SessionLog;
  readonly lock: SessionLock;
}

/** Keeps the session of each client id in a directory of its own below one directory. */
export class FileStore implements SessionStore {
  readonly isDurable = true;
  readonly #directory: string;
  readonly #sync: SyncMode;
  readonly #bytesMax: number;
  readonly #surroundings: FileStoreSurroundings;
  #identifying: Promise<string> | undefined;
  #opening: Promise<OpenSession> | undefined;
  #session: OpenSession | undefined;
  #state: 'new' | 'opening' | 'open' | 'closed' = 'new';
  #waiting: Batch[] = [];
  /** Bytes of batches that the bound counts and the log does not know yet. */
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(directory: string, options: FileStoreOptions = {}, surroundings?: FileStoreSurroundings) {
    this.#directory = resolvePath(directory);
    this.#sync = options.sync ?? 'always';
    this.#bytesMax = options.maxBytes ?? BYTES_MAX;
    if (!(this.#bytesMax > 0)) throw new MqttError('INVALID', 'maxBytes must be greater than 0');
    if (!['always', 'interval', 'never'].includes(this.#sync))
      throw new MqttError('INVALID', "sync must be 'always', 'interval' or 'never'");
    this.#surroundings = surroundings ?? { fileSystem: nodeFileSystem, processes: machineProcesses };
  }

  async identify(): Promise<string> {
    try {
      this.#identifying = readStoreIdentity(this.#surroundings.fileSystem, this.#directory);
      return await this.#identifying;
    } catch (error) {
      throw error instanceof MqttError ? error : diskError('cannot be opened', error);
    }
  }

  async open(clientId: string): Promise<{ readonly ops: AsyncIterable<StoreOp>; readonly existed: boolean }> {
    if (this.#state !== 'new') throw new MqttError('INVALID', 'a session store is opened once: make another for another client');
    this.#state = 'opening';
    const opening = this.#openSession(clientId);
    this.#opening = opening;
    try {
      const { log } = (this.#session = await opening);
      // Unless it was closed meanwhile.
      if (this.#state === 'opening') this.#state = 'open';
      return { ops: log.replay(), existed: log.existed };
    } catch (error) {
      if (this.#state === 'opening') this.#state = 'new';
      throw error instanceof MqttError ? error : diskError('cannot be opened', error);
    }
  }

  append(ops: readonly StoreOp[]): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#state !== 'open') return Promise.reject(new MqttError('STORE', 'the session store is not open'));
    if (ops.length === 0) return Promise.resolve();
    let bytes = 0;
    for (const op of ops) bytes += measureOp(op);
    const isBound = ops.some(({ op }) => op === 'out.put' || op === 'in.put');
    if (isBound && session.log.index.bytes + this.#waitingBytes + bytes > this.#bytesMax) {
      return Promise.reject(new MqttError('QUEUE_FULL', `the session store holds its ${this.#bytesMax} bytes`, { retryable: true }));
    }
    const boundBytes = isBound ? bytes : 0;
    this.#waitingBytes += boundBytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops, bytes, boundBytes, resolve, reject });
      this.#writing ??= this.#write(session.log);
    });
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#identifying?.catch(() => undefined);
    const session = await this.#opening?.catch(() => undefined);
    if (session === undefined) return;
    const { log, lock } = session;
    try {
      await this.#writing;
      await log.close();
    } finally {
      await lock.release();
    }
  }

  async #openSession(clientId: string): Promise<OpenSession> {
    const { fileSystem, processes, segmentBytes } = this.#surroundings;
    const directory = sessionDirectory(this.#directory, clientId);
    await fileSystem.makeDirectory(directory);
    const lock = await SessionLock.acquire(fileSystem, directory, processes);
    try {
      const log = await SessionLog.open({
        fileSystem,
        directory,
        clientDigest: digestClientId(clientId),
        sync: this.#sync,
        segmentBytes: segmentBytes ?? Math.min(Math.max(this.#bytesMax / 16, SEGMENT_BYTES_MIN), SEGMENT_BYTES_MAX),
      });
      return { log, lock };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Group commit: what has come while the disk was busy goes as one. */
  async #write(log: SessionLog): Promise<void> {
    // Whatever this turn of the event loop still appends goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      const ops = group.length === 1 ? group[0].ops : group.flatMap((batch) => batch.ops);
      try {
        await log.write(ops);
        for (const batch of group) batch.resolve();
      } catch (error) {
        for (const batch of group) batch.reject(error);
      }
      for (const batch of group) this.#waitingBytes -= batch.boundBytes;
      await log.tend();
    }
    this.#writing = undefined;
  }

  #takeGroup(): Batch[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes + this.#waiting[count].bytes <= GROUP_BYTES_MAX)) {
      bytes += this.#waiting[count].bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
