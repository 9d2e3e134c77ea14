import { close, constants, fdatasync, fstat, fsync, ftruncate, open, read, write } from 'node:fs';
import { readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Disk, DiskFile } from './disk.ts';

/** One system call moves at most 2 GiB. */
const CALL_BYTES_MAX = 1024 * 1024 * 1024;

const closeFile = promisify(close);
const flushFile = promisify(fdatasync);
const flushWhole = promisify(fsync);
const openFile = promisify(open);
const statFile = promisify(fstat);
const truncateFile = promisify(ftruncate);

/** A directory of the real file system. */
export class NodeDisk implements Disk {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  list(): Promise<string[]> {
    return readdir(this.#directory);
  }

  open(name: string): Promise<DiskFile> {
    return openNodeFile(join(this.#directory, name), constants.O_RDWR);
  }

  create(name: string): Promise<DiskFile> {
    return openNodeFile(join(this.#directory, name), constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC);
  }

  rename(from: string, to: string): Promise<void> {
    return rename(join(this.#directory, from), join(this.#directory, to));
  }

  remove(name: string): Promise<void> {
    return rm(join(this.#directory, name), { force: true });
  }

  flushDirectory(): Promise<void> {
    return flushDirectory(this.#directory);
  }

  async bytesFree(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#directory);
    return bavail * bsize;
  }
}

/** Makes what was created, renamed or removed in a directory survive a power cut. */
export async function flushDirectory(path: string): Promise<void> {
  // Windows has no handle for a directory and writes its entries through.
  if (process.platform === 'win32') return;
  const directory = await openFile(path, 'r');
  try {
    await flushWhole(directory);
  } finally {
    await closeFile(directory);
  }
}

async function openNodeFile(path: string, flags: number): Promise<DiskFile> {
  return new NodeFile(path, await openFile(path, flags, 0o600));
}

class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #file: number;
  /** The same file for flushed writes, from the first on. */
  #synchronous: Promise<number> | null = null;

  constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  async bytes(): Promise<number> {
    return (await statFile(this.#file)).size;
  }

  async read(into: Buffer, offset: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await readSome(this.#file, into, done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(bytes: Buffer, offset: number): Promise<void> {
    return writeAll(this.#file, bytes, offset);
  }

  async writeFlushed(bytes: Buffer, offset: number): Promise<void> {
    // PERF: bench/micro/store.ts. One O_DSYNC write costs two thirds of a write and an fdatasync. Elsewhere than on Linux
    // it does not promise to empty the drive's cache.
    if (process.platform === 'linux') {
      this.#synchronous ??= openFile(this.#path, constants.O_RDWR | constants.O_DSYNC);
      return writeAll(await this.#synchronous, bytes, offset);
    }
    await writeAll(this.#file, bytes, offset);
    return flushFile(this.#file);
  }

  truncate(bytes: number): Promise<void> {
    return truncateFile(this.#file, bytes);
  }

  flush(): Promise<void> {
    return flushFile(this.#file);
  }

  async close(): Promise<void> {
    if (this.#synchronous !== null) await closeFile(await this.#synchronous);
    await closeFile(this.#file);
  }
}

function readSome(file: number, into: Buffer, at: number, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const length = Math.min(into.length - at, CALL_BYTES_MAX);
    read(file, into, at, length, offset, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

function writeAll(file: number, bytes: Buffer, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const writeFrom = (done: number): void => {
      const length = Math.min(bytes.length - done, CALL_BYTES_MAX);
      write(file, bytes, done, length, offset + done, (error, count) => {
        if (error !== null) reject(error);
        else if (done + count < bytes.length) writeFrom(done + count);
        else resolve();
      });
    };
    writeFrom(0);
  });
}
