import type { StoreOp } from '#store/session-store.ts';
import type { FileSystem } from './file-system.ts';
import { type LiveIndex, type LiveOp, Survivors } from './live-index.ts';
import { measureOp, OpDecoder } from './op-codec.ts';
import { RecordWriter } from './record-writer.ts';
import { RECORD_HEAD_BYTES } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { damaged } from './store-error.ts';

/** Steps of one record of a compacted segment. */
const RECORD_BYTES_MAX = 1024 * 1024;

export interface CompactionOrder {
  readonly fileSystem: FileSystem;
  /** Paths of the segments, the first that there is up to the last that is to be replaced. */
  readonly sources: ReadonlyArray<{ readonly number: number; readonly path: string }>;
  readonly target: string;
  readonly index: LiveIndex;
  readonly clientDigest: Buffer;
  /** Whether to go on. */
  readonly isWanted: () => boolean;
}

export interface Compacted {
  readonly bytes: number;
  readonly moved: ReadonlyArray<{ readonly entry: LiveOp; readonly at: number }>;
}

/** Copies what matters of the first segments into one new file, and syncs it. @returns undefined when it was not wanted to the end. */
export async function compact(order: CompactionOrder): Promise<Compacted | undefined> {
  const { fileSystem, sources, target, index, clientDigest } = order;
  const { number } = sources[sources.length - 1];
  const writer = await RecordWriter.create(fileSystem, target, { number, isBase: true, clientDigest });
  try {
    const copy = new Copy(writer, index);
    const survivors = new Survivors(index);
    for (const source of sources) {
      for await (const { op, at } of readOps(fileSystem, source.path)) {
        if (!order.isWanted()) return undefined;
        if (survivors.keeps(op, source.number, at)) await copy.add(op);
      }
    }
    await copy.finish();
    await writer.file.sync();
    return { bytes: writer.end, moved: copy.moved };
  } finally {
    await writer.file.close();
  }
}

/** All steps of a segment that is complete. */
export async function* readOps(fileSystem: FileSystem, path: string): AsyncGenerator<{ readonly op: StoreOp; readonly at: number }> {
  const reader = await SegmentReader.open(fileSystem, path);
  if (reader === undefined) throw damaged(path, 0, 'the header is missing');
  try {
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      if (record === 'torn') throw damaged(path, reader.position, 'the last record is cut off');
      const decoder = new OpDecoder(record.bytes, RECORD_HEAD_BYTES);
      while (decoder.at < record.bytes.length - 1) {
        const at = record.position + decoder.at;
        yield { op: decoder.next(), at };
      }
    }
  } finally {
    await reader.close();
  }
}

class Copy {
  readonly moved: Array<{ readonly entry: LiveOp; readonly at: number }> = [];
  readonly #writer: RecordWriter;
  readonly #index: LiveIndex;
  #ops: StoreOp[] = [];
  #entries: Array<LiveOp | undefined> = [];
  #bytes = 0;

  constructor(writer: RecordWriter, index: LiveIndex) {
    this.#writer = writer;
    this.#index = index;
  }

  async add(op: StoreOp): Promise<void> {
    this.#ops.push(op);
    this.#entries.push(this.#index.find(op));
    this.#bytes += measureOp(op);
    if (this.#bytes >= RECORD_BYTES_MAX) await this.#write();
  }

  async finish(): Promise<void> {
    if (this.#ops.length > 0) await this.#write();
    // The seal.
    await this.#write();
  }

  async #write(): Promise<void> {
    const [ops, entries] = [this.#ops, this.#entries];
    this.#ops = [];
    this.#entries = [];
    this.#bytes = 0;
    const { length, ats } = await this.#writer.write(ops);
    this.#writer.end += length;
    entries.forEach((entry, at) => {
      if (entry !== undefined) this.moved.push({ entry, at: ats[at] });
    });
  }
}
