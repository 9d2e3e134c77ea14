import type { StoreOp } from '#store/session-store.ts';
import type { FileSystem, StoreFile } from './file-system.ts';
import { encodeOp, measureOp } from './op-codec.ts';
import { completeRecord, decodeHeader, encodeHeader, HEADER_BYTES, RECORD_BYTES_MIN, RECORD_HEAD_BYTES } from './segment.ts';

export interface WrittenRecord {
  readonly length: number;
  /** Where each step stands in the file. */
  readonly ats: readonly number[];
}

/** The end of a segment that is written. */
export class RecordWriter {
  readonly file: StoreFile;
  readonly number: number;
  /** Behind the last record that counts. */
  end: number;
  readonly #salt: number;

  constructor(file: StoreFile, { number, salt }: { readonly number: number; readonly salt: number }, end: number) {
    this.file = file;
    this.number = number;
    this.#salt = salt;
    this.end = end;
  }

  /** A new file with its header, not yet synced. */
  static async create(
    fileSystem: FileSystem,
    path: string,
    header: { readonly number: number; readonly isBase: boolean; readonly clientDigest: Buffer },
  ): Promise<RecordWriter> {
    const bytes = encodeHeader(header.number, header.isBase, header.clientDigest);
    const decoded = decodeHeader(bytes);
    if (typeof decoded === 'string') throw new Error(decoded);
    const file = await fileSystem.open(path, 'create');
    try {
      await file.write(bytes, 0);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new RecordWriter(file, decoded, HEADER_BYTES);
  }

  /** Writes one record behind `end`, and leaves it to the caller to move `end`. Without steps it is a seal. */
  async write(ops: readonly StoreOp[]): Promise<WrittenRecord> {
    let length = RECORD_BYTES_MIN;
    for (const op of ops) length += measureOp(op);
    const bytes = Buffer.allocUnsafe(length);
    const ats: number[] = [];
    let at = RECORD_HEAD_BYTES;
    for (const op of ops) {
      ats.push(this.end + at);
      at = encodeOp(op, bytes, at);
    }
    completeRecord(bytes, this.#salt, this.end);
    await this.file.write(bytes, this.end);
    return { length, ats };
  }
}
