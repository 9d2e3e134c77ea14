import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemClock, type Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { DirectoryLock } from './directory-lock.ts';
import { flushDirectory, NodeDisk } from './journal/node-disk.ts';
import { openJournal } from './journal/open-journal.ts';
import { MemoryStore } from './memory/memory-store.ts';
import type { Store } from './store.ts';

export type StoreKind = 'memory' | 'disk';

export interface OpenStoreOptions {
  /** Not touched by `memory`. */
  readonly directory: string;
  readonly kind: StoreKind;
  readonly log: Logger;
  /** What the store may take on disk; only the disk bounds it when absent. */
  readonly bytesMax?: number;
  readonly clock?: Clock;
}

/**
 * Opens the store of a data directory, which is made when it is absent. Rejects with OperationalError:
 * `store.locked` (in use), `store.damaged` and `store.format` (the message says how to mend it), `store.full`, `store.failed`.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { directory, kind, log, bytesMax = Infinity, clock = systemClock } = options;
  if (kind === 'memory') return new MemoryStore();
  await makeDirectory(directory);
  const lock = await DirectoryLock.acquire(directory);
  try {
    const onClosed = (): Promise<void> => lock.release();
    return await openJournal({ disk: new NodeDisk(directory), directory, log, clock, bytesMax, onClosed });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    const first = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // A power cut must not take the directory itself away again.
    for (let at = resolve(directory); at !== resolve(dirname(first)); at = dirname(at)) await flushDirectory(dirname(at));
  } catch (cause) {
    throw new OperationalError('store.failed', `the directory ${directory} cannot be made: ${String(cause)}`, { cause });
  }
}
