import type { StoreOp } from '#store/session-store.ts';
import type { FileSystem } from './file-system.ts';
import { type LiveIndex, type LiveOp, Survivors } from './live-index.ts';
import { measureOp, OpDecoder } from './op-codec.ts';
import { RecordWriter } from './record-writer.ts';
import { RECORD_HEAD_BYTES } from './segment.ts';
import { SegmentReader, type SegmentRecord } from './segment-reader.ts';
import { damaged } from './store-error.ts';

/** A record of a compacted segment is written when it is so long. */
const RECORD_BYTES_FULL = 1024 * 1024;

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
      for await (const steps of readSteps(fileSystem, source.path)) {
        if (!order.isWanted()) return undefined;
        for (const { op, at } of steps) if (survivors.keeps(op, source.number, at)) copy.add(op);
        await copy.flush();
      }
    }
    await copy.finish();
    await writer.file.sync();
    return { bytes: writer.end, moved: copy.moved };
  } finally {
    await writer.file.close();
  }
}

export interface PlacedStep {
  readonly op: StoreOp;
  /** Where it stands in the file. */
  readonly at: number;
}

/** The steps of a segment that is complete, record by record. */
export async function* readSteps(fileSystem: FileSystem, path: string): AsyncGenerator<readonly PlacedStep[]> {
  const reader = await SegmentReader.open(fileSystem, path);
  if (reader === undefined) throw damaged(path, 0, 'the header is missing');
  try {
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      if (record === 'torn') throw damaged(path, reader.position, 'the last record is cut off');
      yield decodeSteps(record);
    }
  } finally {
    await reader.close();
  }
}

function decodeSteps({ bytes, position }: SegmentRecord): PlacedStep[] {
  const decoder = new OpDecoder(bytes, RECORD_HEAD_BYTES);
  const steps: PlacedStep[] = [];
  while (decoder.at < bytes.length - 1) {
    const at = position + decoder.at;
    steps.push({ op: decoder.next(), at });
  }
  return steps;
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

  /** Before anything else happens to the index. */
  add(op: StoreOp): void {
    this.#ops.push(op);
    this.#entries.push(this.#index.find(op));
    this.#bytes += measureOp(op);
  }

  async flush(): Promise<void> {
    if (this.#bytes >= RECORD_BYTES_FULL) await this.#write();
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
