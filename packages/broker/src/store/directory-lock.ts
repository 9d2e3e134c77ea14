import { open, readFile, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationalError } from '#base/errors.ts';

/** Says who holds the directory; it is read for a message only and never decides anything. */
const HOLDER_FILE = 'lock';

/**
 * Exclusive use of a directory. The lock is a listening socket whose name comes from the directory's device and inode, because that
 * is the one lock of the operating system that Node reaches without native code: it is gone with its process, however that
 * ends. On Linux the name is abstract, on Windows a pipe; elsewhere it is a file, and one on which nobody listens is replaced.
 */
export class DirectoryLock {
  readonly #server: Server;
  readonly #directory: string;
  readonly #handle: FileHandle | null;

  private constructor(server: Server, directory: string, handle: FileHandle | null) {
    this.#server = server;
    this.#directory = directory;
    this.#handle = handle;
  }

  /** Rejects with `store.locked` when this or another process holds the directory. */
  static async acquire(directory: string): Promise<DirectoryLock> {
    // Held open, so that the inode's number goes to no other directory while its name is taken, should this one be removed.
    const handle = process.platform === 'win32' ? null : await open(directory, 'r');
    const { dev, ino } = await stat(directory, { bigint: true });
    const server = await listen(addressOf(`wrenmq-${dev}-${ino}`));
    if (server === null) {
      await handle?.close();
      const holder = await readFile(join(directory, HOLDER_FILE), 'utf8').catch(() => 'unknown');
      throw new OperationalError(
        'store.locked',
        `${directory} is in use by process ${holder.trim()}: stop that one first, or use another directory`,
      );
    }
    await writeFile(join(directory, HOLDER_FILE), `${process.pid}\n`, { mode: 0o600 }).catch(() => {
      // On a full disk the lock holds without its note.
    });
    return new DirectoryLock(server, directory, handle);
  }

  async release(): Promise<void> {
    await rm(join(this.#directory, HOLDER_FILE), { force: true });
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#handle?.close();
  }
}

function addressOf(name: string): string {
  if (process.platform === 'linux') return `\0${name}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return join(tmpdir(), `${name}.sock`);
}

/** Null when somebody listens there already. */
async function listen(address: string): Promise<Server | null> {
  const server = await tryListen(address);
  if (server !== null || address.startsWith('\0') || (await isAnswered(address))) return server;
  await rm(address, { force: true });
  return tryListen(address);
}

function tryListen(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen({ path: address, exclusive: true }, () => resolve(server));
  });
}

function isAnswered(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
