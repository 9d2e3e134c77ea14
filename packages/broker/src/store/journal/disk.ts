/** What the journal asks of a disk; tests put a simulated one here that forgets, tears and fails. */
export interface Disk {
  /** The names of the files in the directory. */
  list(): Promise<string[]>;
  /** Opens a file for reading and writing; rejects with code ENOENT when it is absent. */
  open(name: string): Promise<DiskFile>;
  /** Creates an empty file, replacing what was there. */
  create(name: string): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes creations, renames and removals of files survive a power cut. */
  flushDirectory(): Promise<void>;
  /** How many bytes an unprivileged process can still write. */
  bytesFree(): Promise<number>;
}

export interface DiskFile {
  bytes(): Promise<number>;
  /** Reads `into.length` bytes from `offset`; returns how many there were. */
  read(into: Buffer, offset: number): Promise<number>;
  /** Writes all of `bytes` at `offset`; it may be lost at a power cut, whole or in part. */
  write(bytes: Buffer, offset: number): Promise<void>;
  /** Writes all of `bytes` at `offset`; on the device when it resolves. */
  writeFlushed(bytes: Buffer, offset: number): Promise<void>;
  truncate(bytes: number): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** True for errors that say that there is no room, rather than that the disk failed. */
export function isNoRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The system's code of an error (`EIO`), or null. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
