import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { MqttError } from '#base/mqtt-error.ts';
import type { FileSystem } from './file-system.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';

const ATTEMPTS_MAX = 10;

/**
 * A file `lock.1` that names the process which has the session open. One that its process has left behind is not replaced, which two
 * could do at once, but outbid: `lock.2` can be created by one only.
 */
export class SessionLock {
  readonly #fileSystem: FileSystem;
  readonly #path: string;

  private constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.#path = path;
  }

  /** Rejects with MqttError SESSION_LOCKED. */
  static async acquire(fileSystem: FileSystem, directory: string, processes: ProcessTable): Promise<SessionLock> {
    const own = await processes.self();
    const draft = join(directory, `lock.${own.pid}.${randomUUID()}`);
    await fileSystem.writeText(draft, `${JSON.stringify(own)}\n`);
    try {
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const before = await listLocks(fileSystem, directory);
        await refuseHeld(before, processes);
        const number = Math.max(0, ...before.map((lock) => lock.number)) + 1;
        const path = join(directory, `lock.${number}`);
        // The content is there with the name: nobody reads it half written.
        if (!(await fileSystem.link(draft, path))) continue;
        const lock = new SessionLock(fileSystem, path);
        await lock.#clear(directory, processes);
        return lock;
      }
    } finally {
      await fileSystem.remove(draft);
    }
    throw new MqttError('SESSION_LOCKED', `others open the session in ${directory} at this moment`, { retryable: true });
  }

  release(): Promise<void> {
    return this.#fileSystem.remove(this.#path);
  }

  /** Somebody may have come to the same conclusion at the same time, under another number: then both step back. */
  async #clear(directory: string, processes: ProcessTable): Promise<void> {
    const others = (await listLocks(this.#fileSystem, directory)).filter(({ path }) => path !== this.#path);
    try {
      await refuseHeld(others, processes);
    } catch (error) {
      await this.release();
      throw error;
    }
    for (const { path } of others) await this.#fileSystem.remove(path);
  }
}

interface FoundLock {
  readonly number: number;
  readonly path: string;
  /** Undefined: unreadable, as a power cut may leave it. */
  readonly holder: ProcessIdentity | undefined;
}

async function listLocks(fileSystem: FileSystem, directory: string): Promise<FoundLock[]> {
  const locks: FoundLock[] = [];
  for (const name of await fileSystem.list(directory)) {
    const number = /^lock\.(\d+)$/.exec(name)?.[1];
    if (number === undefined) continue;
    const path = join(directory, name);
    const text = await fileSystem.readText(path);
    if (text !== undefined) locks.push({ number: Number(number), path, holder: readHolder(text) });
  }
  return locks;
}

function readHolder(text: string): ProcessIdentity | undefined {
  try {
    const holder = JSON.parse(text) as ProcessIdentity;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

async function refuseHeld(locks: readonly FoundLock[], processes: ProcessTable): Promise<void> {
  for (const { path, holder } of locks) {
    if (holder === undefined || !(await processes.isRunning(holder))) continue;
    const who = `process ${holder.pid} on ${holder.host}`;
    throw new MqttError('SESSION_LOCKED', `${who} has the session open (if it is gone for certain, remove ${path})`, { retryable: true });
  }
}
