import type { SessionStore } from '#store/session-store.ts';
import { FileStore, type FileStoreOptions } from './file-store.ts';

export type { FileStoreOptions };

/**
 * A session store in files below `directory`, which is made when it is missing. Each client id has a directory of its own there, open in
 * one process at a time (SESSION_LOCKED for others; what a killed process leaves locked is taken over). What a crash has left half
 * written is cut off when it is opened; any other damage is reported as STORE, with file and position, and nothing is delivered.
 */
export function fileStore(directory: string, options?: FileStoreOptions): SessionStore {
  return new FileStore(directory, options);
}
