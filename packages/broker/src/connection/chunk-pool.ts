// HOT
/** Frames of one turn gather in chunks of this size; a larger frame gets a buffer of its own. */
export const CHUNK_BYTES = 16_384;
/** Chunks that are kept for the next turn; more are left to the garbage collector. */
const FREE_MAX = 256;

/** Chunks that go round, so that a flush allocates nothing and an idle connection holds nothing. */
export class ChunkPool {
  readonly #free: Buffer[] = [];

  take(bytes: number): Buffer {
    if (bytes > CHUNK_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  give(chunk: Buffer): void {
    if (chunk.length === CHUNK_BYTES && this.#free.length < FREE_MAX) this.#free.push(chunk);
  }
}
