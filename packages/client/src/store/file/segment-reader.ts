import type { FileSystem, StoreFile } from './file-system.ts';
import {
  decodeHeader,
  HEADER_BYTES,
  isRecordIntact,
  readRecordHead,
  RECORD_BYTES_MIN,
  RECORD_HEAD_BYTES,
  type SegmentHeader,
} from './segment.ts';
import { damaged } from './store-error.ts';

const CHUNK_BYTES = 256 * 1024;
/** So many zeros at the end of a file show that its length came to the disk before its bytes; no record ends so. */
const TAIL_BYTES = 8;

export interface SegmentRecord {
  /** Where it stands in the file. */
  readonly position: number;
  /** With head and end; valid until the next is asked for. */
  readonly bytes: Buffer;
}

/** Reads the records of one segment in order, and says whether a damage is what a crash leaves behind, or worse. */
export class SegmentReader {
  readonly header: SegmentHeader;
  /** Behind the last record that was read. */
  position = HEADER_BYTES;
  readonly #path: string;
  readonly #file: StoreFile;
  readonly #size: number;
  #chunk = Buffer.alloc(0);
  #chunkStart = 0;

  private constructor(path: string, file: StoreFile, size: number, header: SegmentHeader) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
    this.header = header;
  }

  /** @returns undefined when a crash came before the header was on the disk. */
  static async open(fileSystem: FileSystem, path: string): Promise<SegmentReader | undefined> {
    const file = await fileSystem.open(path, 'read');
    try {
      const size = await file.size();
      const bytes = Buffer.alloc(Math.min(size, HEADER_BYTES));
      await readFully(file, bytes, 0);
      const header = decodeHeader(bytes);
      if (typeof header !== 'string') return new SegmentReader(path, file, size, header);
      await file.close();
      if (size <= HEADER_BYTES && (size < HEADER_BYTES || endsInZeros(bytes))) return undefined;
      throw damaged(path, 0, header);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** @returns undefined at the end, 'torn' where a write did not come to its end. Throws MqttError STORE for any other damage. */
  async next(): Promise<SegmentRecord | 'torn' | undefined> {
    const position = this.position;
    const rest = this.#size - position;
    if (rest === 0) return undefined;
    if (rest < RECORD_BYTES_MIN) return 'torn';
    const length = readRecordHead(await this.#peek(RECORD_HEAD_BYTES), this.header.salt, position);
    if (length === undefined) return this.#judge(rest, 'the checksum of a record head is wrong');
    const size = RECORD_BYTES_MIN + length;
    if (size > rest) return 'torn';
    const bytes = await this.#peek(size);
    if (!isRecordIntact(bytes, this.header.salt, position)) {
      // With something behind it, it was on the disk once.
      if (size === rest) return this.#judge(rest, 'the checksum of a record is wrong');
      throw damaged(this.#path, position, 'the checksum of a record is wrong');
    }
    this.position += size;
    return { position, bytes };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #judge(rest: number, what: string): Promise<'torn'> {
    const tail = Buffer.alloc(TAIL_BYTES);
    await readFully(this.#file, tail, this.#size - TAIL_BYTES);
    if (rest >= TAIL_BYTES && endsInZeros(tail)) return 'torn';
    throw damaged(this.#path, this.position, what);
  }

  /** The bytes from `position` on. */
  async #peek(length: number): Promise<Buffer> {
    let start = this.position - this.#chunkStart;
    if (start + length > this.#chunk.length) {
      // A new one each time: what was given out of the old one may still be read.
      const chunk = Buffer.allocUnsafe(Math.min(Math.max(length, CHUNK_BYTES), this.#size - this.position));
      await readFully(this.#file, chunk, this.position);
      this.#chunk = chunk;
      this.#chunkStart = this.position;
      start = 0;
    }
    return this.#chunk.subarray(start, start + length);
  }
}

async function readFully(file: StoreFile, bytes: Buffer, position: number): Promise<void> {
  for (let read = 0; read < bytes.length;) {
    const count = await file.read(bytes.subarray(read), position + read);
    if (count === 0) throw new Error(`the file ended at ${position + read} while it was read`);
    read += count;
  }
}

function endsInZeros(bytes: Buffer): boolean {
  return bytes.subarray(-TAIL_BYTES).every((byte) => byte === 0);
}
