import { join } from 'node:path';
import type { FileSystem } from './file-system.ts';
import { LiveIndex } from './live-index.ts';
import { OpDecoder } from './op-codec.ts';
import { RecordWriter } from './record-writer.ts';
import { readSegmentName, RECORD_BYTES_MIN, RECORD_HEAD_BYTES, segmentName } from './segment.ts';
import { SegmentReader, type SegmentRecord } from './segment-reader.ts';
import { damaged } from './store-error.ts';

export interface RecoveredLog {
  readonly index: LiveIndex;
  readonly sealed: Array<{ readonly number: number; readonly bytes: number }>;
  /** The last segment, when it was not sealed. */
  readonly active: RecordWriter | undefined;
  readonly nextNumber: number;
}

export interface RecoveryPlace {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly clientDigest: Buffer;
  /** The last segment goes on until it is so long. */
  readonly segmentBytes: number;
}

/** Reads all segments of a directory, then removes what a crash has left over, and cuts the last record when it is torn. */
export async function recoverLog(place: RecoveryPlace): Promise<RecoveredLog> {
  const { fileSystem, directory } = place;
  const { readers, leftovers } = await openSegments(place);
  const index = new LiveIndex();
  const sealed: Array<{ number: number; bytes: number }> = [];
  let active: RecordWriter | undefined;
  try {
    for (const [position, reader] of readers.entries()) {
      const { number } = reader.header;
      const path = join(directory, segmentName(number));
      const isLast = position === readers.length - 1;
      const { isSealed, end } = await readSegment(reader, path, index);
      if (!isSealed && !isLast) throw damaged(path, end, 'the end of the file is missing');
      if (isSealed && !(isLast && end < place.segmentBytes)) sealed.push({ number, bytes: reader.size });
      else active = await continueSegment(fileSystem, path, reader, end);
    }
  } finally {
    for (const reader of readers) await reader.close();
  }
  for (const path of leftovers) await fileSystem.remove(path);
  return { index, sealed, active, nextNumber: (readers.at(-1)?.header.number ?? 0) + 1 };
}

interface FoundSegments {
  /** From the last base on, in order. */
  readonly readers: SegmentReader[];
  /** Files that count for nothing. */
  readonly leftovers: string[];
}

async function openSegments({ fileSystem, directory, clientDigest }: RecoveryPlace): Promise<FoundSegments> {
  const names = await fileSystem.list(directory);
  const leftovers = names.filter((name) => /^\d+\.tmp$/.test(name)).map((name) => join(directory, name));
  const numbers = names
    .map(readSegmentName)
    .filter((number) => number !== undefined)
    .sort((a, b) => b - a);
  const readers: SegmentReader[] = [];
  try {
    for (const [position, number] of numbers.entries()) {
      const path = join(directory, segmentName(number));
      // What stands before a base was replaced by it.
      const isReplaced = readers[0]?.header.isBase;
      const reader = isReplaced ? undefined : await SegmentReader.open(fileSystem, path);
      // A crash while the newest was begun leaves less than a header.
      if (isReplaced || (reader === undefined && position === 0)) leftovers.push(path);
      else if (reader === undefined) throw damaged(path, 0, 'the header is cut off');
      else readers.unshift(checkSegment(reader, path, number, clientDigest));
      if (readers.length > 1 && readers[1].header.number > readers[0].header.number + 1) {
        throw damaged(join(directory, segmentName(readers[0].header.number + 1)), 0, 'the file is missing');
      }
    }
    const first = readers[0]?.header;
    if (first !== undefined && !first.isBase) throw damaged(join(directory, segmentName(first.number - 1)), 0, 'the file is missing');
    return { readers, leftovers };
  } catch (error) {
    for (const reader of readers) await reader.close();
    throw error;
  }
}

function checkSegment(reader: SegmentReader, path: string, number: number, clientDigest: Buffer): SegmentReader {
  if (reader.header.number !== number) throw damaged(path, 12, `it calls itself ${segmentName(reader.header.number)}`);
  if (!reader.header.clientDigest.equals(clientDigest)) throw damaged(path, 16, 'it belongs to another client id');
  return reader;
}

/** `end` is behind the last record with steps. */
async function readSegment(reader: SegmentReader, path: string, index: LiveIndex): Promise<{ isSealed: boolean; end: number }> {
  for (;;) {
    const end = reader.position;
    const record = await reader.next();
    if (record === undefined || record === 'torn') return { isSealed: false, end };
    if (record.bytes.length > RECORD_BYTES_MIN) applyRecord(record, reader.header.number, path, index);
    else if (reader.position === reader.size) return { isSealed: true, end };
    else throw damaged(path, reader.position, 'something follows the end');
  }
}

function applyRecord({ bytes, position }: SegmentRecord, segment: number, path: string, index: LiveIndex): void {
  const decoder = new OpDecoder(bytes, RECORD_HEAD_BYTES);
  try {
    while (decoder.at < bytes.length - 1) {
      const start = decoder.at;
      const op = decoder.next();
      index.apply(op, { segment, at: position + start, bytes: decoder.at - start });
    }
  } catch (error) {
    throw damaged(path, position, `a record cannot be read: ${(error as Error).message}`);
  }
}

/** Without its seal, and without what is torn. */
async function continueSegment(fileSystem: FileSystem, path: string, reader: SegmentReader, end: number): Promise<RecordWriter> {
  const file = await fileSystem.open(path, 'change');
  if (end < reader.size) {
    try {
      await file.truncate(end);
      // ORDER: the next record may not stand in front of the rest of an old one.
      await file.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
  }
  return new RecordWriter(file, reader.header, end);
}
