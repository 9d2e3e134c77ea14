import { codeOf, type Disk, type DiskFile } from './disk.ts';
import { segmentName } from './segments.ts';

/** What a device that has bad sectors is read in. */
const BLOCK_BYTES = 4096;

export interface ReadSegment {
  readonly number: number;
  /** Null when the file is missing. */
  readonly bytes: Buffer | null;
}

/** A segment's file that is being read. */
interface Reading {
  readonly file: DiskFile;
  readonly bytes: Promise<Buffer>;
}

/**
 * Reads segments in order, each while the one before is looked at. The bytes of one are there until the next is asked for:
 * two buffers take turns, since fresh memory for each costs more than the reading.
 */
export async function* readSegments(disk: Disk, first: number, last: number): AsyncGenerator<ReadSegment> {
  let spare: Buffer = Buffer.allocUnsafeSlow(0);
  let ahead = first > last ? null : await beginReading(disk, first, spare);
  try {
    for (let number = first; number <= last; number += 1) {
      const reading: Reading | null = ahead;
      ahead = null;
      const bytes = reading === null ? null : await endReading(reading);
      // ORDER: the system reads from here on, without any turn of the event loop in between.
      ahead = number === last ? null : await beginReading(disk, number + 1, spare);
      yield { number, bytes };
      if (bytes !== null) spare = bytes;
    }
  } finally {
    if (ahead !== null) await endReading(ahead).catch(() => {});
  }
}

/** Begins to read a segment into the memory of `spare`, where that is large enough; null when the file is missing. */
async function beginReading(disk: Disk, number: number, spare: Buffer): Promise<Reading | null> {
  let file: DiskFile;
  try {
    file = await disk.open(segmentName(number));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const length = await file.bytes();
    const into = spare.buffer.byteLength >= length ? Buffer.from(spare.buffer, 0, length) : Buffer.allocUnsafeSlow(length);
    const bytes = readWhatCanBeRead(file, into);
    // A failure is told when its turn comes.
    bytes.catch(() => {});
    return { file, bytes };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function endReading({ file, bytes }: Reading): Promise<Buffer> {
  try {
    return await bytes;
  } finally {
    await file.close();
  }
}

/** Blocks that the device cannot read come as zeros, which no checksum passes. */
async function readWhatCanBeRead(file: DiskFile, bytes: Buffer): Promise<Buffer> {
  try {
    await file.read(bytes, 0);
  } catch (error) {
    if (codeOf(error) !== 'EIO') throw error;
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = bytes.subarray(at, at + BLOCK_BYTES);
      await file.read(block, at).catch(() => block.fill(0));
    }
  }
  return bytes;
}
