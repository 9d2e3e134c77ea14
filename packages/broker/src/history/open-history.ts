import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk } from '#store/journal/disk.ts';
import { NodeDisk } from '#store/journal/node-disk.ts';
import { History, type HistoryOptions } from './history.ts';
import { MemoryDisk } from './memory-disk.ts';

/** What a history in memory may take. */
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;
/** And so much of it is for what is complete; the rest is room for what is being written. */
const MEMORY_BUDGET_BYTES = 56 * 1024 * 1024;

export interface OpenHistoryOptions extends Omit<HistoryOptions, 'disk'> {
  /** The broker's; not touched by `memory`. */
  readonly directory: string;
  readonly kind: 'disk' | 'memory';
}

/** Opens the history of a data directory, or one in memory. What the disk refuses is told the log, and keeps nobody from starting. */
export async function openHistory(options: OpenHistoryOptions): Promise<History> {
  if (options.kind === 'memory') {
    return History.open({ ...options, disk: new MemoryDisk(MEMORY_BYTES_MAX), bytesMax: MEMORY_BUDGET_BYTES });
  }
  return History.open({ ...options, disk: await diskFor(options) });
}

async function diskFor({ directory, log }: OpenHistoryOptions): Promise<Disk> {
  const path = join(directory, 'history');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    log.warn({ err: error, directory: path }, 'the directory of the history cannot be made');
  }
  return new NodeDisk(path);
}
