import { constants } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface StoreFile {
  /** Reads up to `bytes.length` from a position; 0 at the end. */
  read(bytes: Buffer, position: number): Promise<number>;
  /** Writes all of it. */
  write(bytes: Buffer, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** The bytes, and the length, are on the disk. */
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** What a file store needs of a disk. Tests put one in its place that fails, or dies, at any call. */
export interface FileSystem {
  /** 'read', 'change' what is there, or 'create': empty, whatever was there. */
  open(path: string, how: 'read' | 'change' | 'create'): Promise<StoreFile>;
  /** Names in a directory. */
  list(directory: string): Promise<string[]>;
  /** With all its parents, for the owner only; durable. */
  makeDirectory(directory: string): Promise<void>;
  /** In place of what is there. */
  rename(from: string, to: string): Promise<void>;
  /** Without complaint when it is not there. */
  remove(path: string): Promise<void>;
  /** What was created, renamed and removed in it is on the disk. */
  syncDirectory(directory: string): Promise<void>;
  /** Undefined when it is not there. */
  readText(path: string): Promise<string | undefined>;
  writeText(path: string, text: string): Promise<void>;
  /** A second name for a file. @returns false when the name is taken. */
  link(from: string, to: string): Promise<boolean>;
}

const FLAGS = {
  read: constants.O_RDONLY,
  change: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
};

/** The disk of this machine. */
export const nodeFileSystem: FileSystem = {
  async open(path, how) {
    return new NodeFile(await open(path, FLAGS[how], 0o600));
  },

  list: (directory) => readdir(directory),

  async makeDirectory(directory) {
    const first = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let path = directory; path.length >= first.length; path = dirname(path)) await nodeFileSystem.syncDirectory(dirname(path));
  },

  rename: (from, to) => rename(from, to),

  remove: (path) => unlink(path).catch(unless('ENOENT', undefined)),

  async syncDirectory(directory) {
    // Windows has nothing like it.
    if (process.platform === 'win32') return;
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  readText: (path) => readFile(path, 'utf8').catch(unless('ENOENT', undefined)),

  writeText: (path, text) => writeFile(path, text, { mode: 0o600 }),

  link: (from, to) =>
    link(from, to)
      .then(() => true)
      .catch(unless('EEXIST', false)),
};

function unless<T>(code: string, value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === code) return value;
    throw error;
  };
}

class NodeFile implements StoreFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(bytes: Buffer, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, position);
    return bytesRead;
  }

  async write(bytes: Buffer, position: number): Promise<void> {
    // A disk that fills up takes a part first.
    for (let written = 0; written < bytes.length;) {
      const result = await this.#handle.write(bytes, written, bytes.length - written, position + written);
      written += result.bytesWritten;
    }
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
