import { write } from 'node:fs';

const STANDARD_OUTPUT = 1;
const CHUNK_BYTES = 65_536;
/** More than this waits for whoever reads. */
const PENDING_BYTES_MAX = 1024 * 1024;
/** When a terminal or a pipe that somebody made non-blocking takes nothing. */
const RETRY_MS = 5;

/**
 * Standard output for many small writes: they are gathered, and written away from the event loop, so that a reader who stops reading stops
 * the printing and nothing else. When the reader has gone (`wrenmq sub | head`) `closed` settles and what follows is dropped.
 */
export class Output {
  readonly #descriptor: number;
  readonly #closed = Promise.withResolvers<void>();
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #used = 0;
  #full: Buffer[] = [];
  #pendingBytes = 0;
  #isWriting = false;
  #isScheduled = false;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  constructor(descriptor: number = STANDARD_OUTPUT) {
    this.#descriptor = descriptor;
    // Whoever does not ask is told by `flush`.
    this.#closed.promise.catch(() => {});
  }

  /** Settles when nobody reads any more; rejects when writing fails for another reason, such as a full disk. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes text or bytes; the bytes may be used again at once. */
  put(part: string | Uint8Array): void {
    // UTF-8 needs at most three bytes for a unit of UTF-16.
    const bytesMax = typeof part === 'string' ? part.length * 3 : part.length;
    if (bytesMax > CHUNK_BYTES - this.#used) this.#closeChunk();
    if (bytesMax > CHUNK_BYTES) {
      const bytes = Buffer.from(part as string);
      this.#full.push(bytes);
      this.#pendingBytes += bytes.length;
    } else {
      const count = typeof part === 'string' ? this.#chunk.write(part, this.#used) : copy(part, this.#chunk, this.#used);
      this.#used += count;
      this.#pendingBytes += count;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#writeNext();
    });
  }

  /** Undefined while there is room; otherwise it settles when there is. */
  room(): Promise<void> | undefined {
    if (this.#pendingBytes < PENDING_BYTES_MAX || this.#isClosed) return undefined;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Settles when everything is written, or nobody reads any more; rejects as `closed` does. */
  async flush(): Promise<void> {
    this.#writeNext();
    while (this.#pendingBytes > 0 && !this.#isClosed) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    if (this.#isClosed) await this.#closed.promise;
  }

  #closeChunk(): void {
    if (this.#used === 0) return;
    this.#full.push(this.#chunk.subarray(0, this.#used));
    this.#chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    this.#used = 0;
  }

  #writeNext(): void {
    if (this.#isWriting || this.#isClosed) return;
    this.#closeChunk();
    const bytes = this.#full.length > 1 ? Buffer.concat(this.#full) : this.#full[0];
    if (bytes === undefined) return;
    this.#full = [];
    this.#isWriting = true;
    this.#write(bytes, 0);
  }

  #write(bytes: Buffer, from: number): void {
    write(this.#descriptor, bytes, from, bytes.length - from, null, (error, count) => {
      if (error !== null && error.code === 'EAGAIN') return void setTimeout(() => this.#write(bytes, from), RETRY_MS);
      if (error !== null) return this.#close(error);
      this.#pendingBytes -= count;
      if (from + count < bytes.length) return this.#write(bytes, from + count);
      this.#isWriting = false;
      this.#wake();
      this.#writeNext();
    });
  }

  #close(error: NodeJS.ErrnoException): void {
    this.#isClosed = true;
    this.#isWriting = false;
    this.#full = [];
    if (error.code === 'EPIPE') this.#closed.resolve();
    else this.#closed.reject(error);
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

function copy(from: Uint8Array, to: Buffer, at: number): number {
  to.set(from, at);
  return from.length;
}
