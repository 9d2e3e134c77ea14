import type { Disk, DiskFile } from '#store/journal/disk.ts';

const CHUNK_BYTES = 64 * 1024;

/** Files in memory, for a broker that keeps nothing; full at `bytesMax`. */
export class MemoryDisk implements Disk {
  readonly #bytesMax: number;
  readonly #files = new Map<string, MemoryFile>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  async list(): Promise<string[]> {
    return [...this.#files.keys()];
  }

  async open(name: string): Promise<DiskFile> {
    const file = this.#files.get(name);
    if (file === undefined) throw failure('ENOENT');
    return file;
  }

  async create(name: string): Promise<DiskFile> {
    const file = new MemoryFile((bytes) => bytes <= this.#free());
    this.#files.set(name, file);
    return file;
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#files.get(from);
    if (file === undefined) throw failure('ENOENT');
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  async remove(name: string): Promise<void> {
    this.#files.delete(name);
  }

  async flushDirectory(): Promise<void> {}

  async bytesFree(): Promise<number> {
    return this.#free();
  }

  #free(): number {
    let used = 0;
    for (const { room } of this.#files.values()) used += room;
    return this.#bytesMax - used;
  }
}

class MemoryFile implements DiskFile {
  #length = 0;
  readonly #chunks: Buffer[] = [];
  readonly #hasRoom: (bytes: number) => boolean;

  constructor(hasRoom: (bytes: number) => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** What it takes. */
  get room(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  async bytes(): Promise<number> {
    return this.#length;
  }

  async read(into: Buffer, offset: number): Promise<number> {
    const end = Math.min(this.#length, offset + into.length);
    for (let at = offset; at < end;) {
      const chunk = this.#chunks[Math.floor(at / CHUNK_BYTES)];
      at += chunk.copy(into, at - offset, at % CHUNK_BYTES, Math.min(CHUNK_BYTES, (at % CHUNK_BYTES) + end - at));
    }
    return Math.max(0, end - offset);
  }

  async write(bytes: Buffer, offset: number): Promise<void> {
    const end = offset + bytes.length;
    if (!this.#hasRoom(end - this.room)) throw failure('ENOSPC');
    while (this.room < end) this.#chunks.push(Buffer.alloc(CHUNK_BYTES));
    for (let at = offset; at < end;) at += bytes.copy(this.#chunks[Math.floor(at / CHUNK_BYTES)], at % CHUNK_BYTES, at - offset);
    this.#length = Math.max(this.#length, end);
  }

  writeFlushed(bytes: Buffer, offset: number): Promise<void> {
    return this.write(bytes, offset);
  }

  async truncate(bytes: number): Promise<void> {
    this.#length = Math.min(this.#length, bytes);
    this.#chunks.length = Math.ceil(this.#length / CHUNK_BYTES);
    this.#chunks.at(-1)?.fill(0, this.#length - (this.#chunks.length - 1) * CHUNK_BYTES);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: the memory for the history is full, or there is no such file`), { code });
}
