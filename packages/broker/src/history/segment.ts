import { OpenIndex } from './open-index.ts';
import { type Block, SEGMENT_HEADER_BYTES, type SegmentHeader, type Trailer } from './segment-format.ts';

/** What is on disk of the index of a sealed segment: where to read it. */
export type SealedIndex = Pick<
  Trailer,
  'blocksAt' | 'blocksBytes' | 'blocksChecksum' | 'directoryAt' | 'directoryBytes' | 'directoryChecksum'
>;

/** The index of a segment that is in memory, until it is sealed. */
export interface MemoryIndex {
  readonly topics: OpenIndex;
  /** Of the frames that are written. */
  readonly blocks: Block[];
}

/** A file of consecutive messages of one shelf. */
export class Segment {
  readonly id: number;
  readonly header: SegmentHeader;
  /** Where its index is: in memory until it is sealed, then on disk. */
  index: MemoryIndex | SealedIndex;
  /** Of the frames: where the next one goes, how far they are written, how far they are on the device. */
  framesEnd = SEGMENT_HEADER_BYTES;
  writtenEnd = SEGMENT_HEADER_BYTES;
  flushedEnd = SEGMENT_HEADER_BYTES;
  /** The whole file's, as far as it is known. */
  fileBytes = SEGMENT_HEADER_BYTES;
  count = 0;
  firstOffset = 0;
  lastOffset = 0;
  minTimeMs = Infinity;
  maxTimeMs = -Infinity;
  lastLogOffset = 0;
  missed = 0;
  /** Deleted by retention; whoever reads it goes on behind it. */
  isRemoved = false;
  /** So many of its messages were found damaged. */
  damaged = 0;

  constructor(id: number, header: SegmentHeader) {
    this.id = id;
    this.header = header;
    this.index = { topics: new OpenIndex(), blocks: [] };
  }

  get memory(): MemoryIndex | null {
    return 'topics' in this.index ? this.index : null;
  }
}
