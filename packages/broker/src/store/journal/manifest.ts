import { crc32 } from 'node:zlib';
import { OperationalError } from '#base/errors.ts';
import { type Disk, type DiskFile, codeOf } from './disk.ts';
import { FORMAT_VERSION } from './frame.ts';

/** What a manifest says; one line of JSON on disk. */
export interface ManifestState {
  /** Format version of the whole directory. */
  readonly format: number;
  /** Start value of every checksum: different in each store. */
  readonly secret: number;
  /** The oldest segment that exists, and the newest; every number between exists too. */
  readonly first: number;
  readonly last: number;
  /** The numbering at the start of the oldest segment. */
  readonly sequenceBefore: number;
  readonly changesBefore: number;
  /** How far the journal was flushed for certain when this was written: nothing up to here may be missing. */
  readonly sequence: number;
  readonly changes: number;
}

const COPY_BYTES = 512;
const blank = { format: FORMAT_VERSION, first: 1, last: 0, sequenceBefore: 0, changesBefore: 0, sequence: 0, changes: 0 };
export const manifestBytes = 2 * COPY_BYTES;
const manifestNames = ['manifest-1', 'manifest-2'] as const;

interface Copy {
  readonly generation: number;
  readonly state: ManifestState;
}

/**
 * The two manifests: the same line twice, so that one that was torn or damaged costs nothing. They are rewritten in place,
 * which a full disk does not prevent. Together with the sequence numbers in the journal they make missing files,
 * missing ends and files from an older copy noticed.
 */
export class Manifest {
  state: ManifestState;
  readonly #files: readonly [DiskFile, DiskFile];
  #generation: number;
  #isDamaged = false;
  #last: Promise<void> = Promise.resolve();

  private constructor(files: readonly [DiskFile, DiskFile], generation: number, state: ManifestState) {
    this.#files = files;
    this.#generation = generation;
    this.state = state;
  }

  /** Null when the directory has none that can be read. Rejects with `store.format`. */
  static async open(disk: Disk): Promise<Manifest | null> {
    const files = [await openOrNull(disk, manifestNames[0]), await openOrNull(disk, manifestNames[1])] as const;
    const copies = [await readCopy(files[0]), await readCopy(files[1])];
    const newest = copies.reduce((best, copy) => ((copy?.generation ?? 0) > (best?.generation ?? 0) ? copy : best), null);
    const isReadable = newest !== null && newest.state.format <= FORMAT_VERSION;
    if (!isReadable) for (const file of files) await file?.close();
    if (newest === null) return null;
    if (!isReadable) {
      throw new OperationalError(
        'store.format',
        `the store has format ${newest.state.format}, this version reads up to ${FORMAT_VERSION}: start the newer version again, or restore a backup`,
      );
    }
    const both = [files[0] ?? (await disk.create(manifestNames[0])), files[1] ?? (await disk.create(manifestNames[1]))] as const;
    const manifest = new Manifest(both, newest.generation, newest.state);
    manifest.#isDamaged = copies.includes(null);
    return manifest;
  }

  static async create(disk: Disk, secret: number): Promise<Manifest> {
    const files = [await disk.create(manifestNames[0]), await disk.create(manifestNames[1])] as const;
    const manifest = new Manifest(files, 0, { ...blank, secret });
    await manifest.save({});
    await disk.flushDirectory();
    return manifest;
  }

  /** True when one of the two copies could not be read on opening. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Replaces fields; on the device, twice, when it resolves. Calls take effect in their order. */
  save(changes: Partial<ManifestState>): Promise<void> {
    this.state = { ...this.state, ...changes };
    return this.#enqueue(async () => {
      this.#generation += 1;
      const line = encode(this.#generation, this.state);
      await this.#files[0].writeFlushed(line, 0);
      await this.#files[1].writeFlushed(line, 0);
    });
  }

  /** Notes how far the journal is flushed, without flushing the note: it outlives the process, perhaps not the power. */
  note(sequence: number, changes: number): Promise<void> {
    this.state = { ...this.state, sequence, changes };
    return this.#enqueue(() => {
      this.#generation += 1;
      return this.#files[0].write(encode(this.#generation, this.state), 0);
    });
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    for (const file of this.#files) await file.close();
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    const result = this.#last.then(task, task);
    this.#last = result.catch(() => {});
    return result;
  }
}

async function openOrNull(disk: Disk, name: string): Promise<DiskFile | null> {
  try {
    return await disk.open(name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function readCopy(file: DiskFile | null): Promise<Copy | null> {
  if (file === null) return null;
  const bytes = Buffer.alloc(COPY_BYTES);
  await file.read(bytes, 0);
  const line = bytes.toString('latin1');
  const [checksum, json] = [line.slice(0, 8), line.slice(9, line.indexOf('\n'))];
  if (checksum !== checksumOf(json)) return null;
  const { generation, ...state } = JSON.parse(json) as ManifestState & { generation: number };
  return { generation, state };
}

function encode(generation: number, state: ManifestState): Buffer {
  const json = JSON.stringify({ generation, ...state });
  return Buffer.from(`${checksumOf(json)} ${json}\n`.padEnd(COPY_BYTES), 'latin1');
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
