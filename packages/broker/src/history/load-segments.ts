import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import { codeOf, type Disk, type DiskFile } from '#store/journal/disk.ts';
import { scanSegment } from './scan-segment.ts';
import { Segment } from './segment.ts';
import {
  decodeSegmentHeader,
  decodeTrailer,
  SEGMENT_HEADER_BYTES,
  segmentIdOf,
  segmentName,
  type Trailer,
  TRAILER_BYTES,
} from './segment-format.ts';

/** So many are opened at a time. */
const OPENING_MAX = 16;

export interface LoadingHouse {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What is there of segments, the oldest first. Of sealed ones the trailer is read, of others everything; what cannot be read is left alone.
 * `isClosed`: the history was closed when it ended, so that all of it was flushed.
 */
export async function loadSegments(house: LoadingHouse, isClosed: boolean): Promise<Segment[]> {
  const ids: number[] = [];
  for (const name of await house.disk.list()) {
    const id = segmentIdOf(name);
    if (id !== null) ids.push(id);
  }
  ids.sort((a, b) => a - b);
  const found: Segment[] = [];
  for (let from = 0; from < ids.length; from += OPENING_MAX) {
    const some = await Promise.all(
      ids.slice(from, from + OPENING_MAX).map((id) => unlessUnreadable(id, house, () => loadSegment(id, house))),
    );
    for (const segment of some) if (segment !== null) found.push(segment);
  }
  const last = new Map(found.map((segment) => [segment.header.shelf, segment]));
  const segments: Segment[] = [];
  for (const segment of found) {
    // A segment is begun when the one before it is flushed.
    const isWhole = isClosed || last.get(segment.header.shelf) !== segment;
    const isSealed = segment.memory === null;
    const isKept = isSealed || (await unlessUnreadable(segment.id, house, () => scan(segment, isWhole, house)));
    if (isKept === true) segments.push(segment);
  }
  return segments;
}

async function unlessUnreadable<T>(id: number, { log }: LoadingHouse, load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    log.warn({ segment: segmentName(id), code: codeOf(error) }, 'a segment of the history cannot be read; it is left alone');
    return null;
  }
}

/** With its trailer, if it has one; null when there is no header. */
async function loadSegment(id: number, house: LoadingHouse): Promise<Segment | null> {
  const name = segmentName(id);
  const file = await house.disk.open(name);
  let isEmpty = false;
  try {
    const bytes = await file.bytes();
    const header = decodeSegmentHeader(await readAt(file, 0, SEGMENT_HEADER_BYTES));
    if (header !== null) {
      const segment = new Segment(id, header);
      const trailer = decodeTrailer(await readAt(file, Math.max(0, bytes - TRAILER_BYTES), TRAILER_BYTES), header.seed);
      if (trailer !== null) seal(segment, trailer, bytes);
      return segment;
    }
    isEmpty = await isBlank(file, bytes);
    if (!isEmpty) house.log.warn({ segment: name, bytes }, 'the begin of a segment of the history is damaged; it is set aside');
  } finally {
    await file.close();
  }
  // What has no begin because the process ended then holds nothing.
  if (isEmpty) await house.disk.remove(name);
  else await house.disk.rename(name, `damaged-${name}`);
  return null;
}

/** False when there is nothing in it. */
async function scan(segment: Segment, isWhole: boolean, house: LoadingHouse): Promise<boolean> {
  const name = segmentName(segment.id);
  const file = await house.disk.open(name);
  try {
    const bytes = await file.bytes();
    await scanSegment(segment, await readAt(file, 0, bytes), isWhole, house.clock);
    if (segment.damaged > 0) house.log.warn({ segment: name, messages: segment.damaged }, 'messages of the history are damaged');
    if (segment.framesEnd < bytes) await file.truncate(segment.framesEnd);
    // What is there may never have been flushed, and nothing tells.
    await file.flush();
  } finally {
    await file.close();
  }
  if (segment.count === 0) await house.disk.remove(name);
  return segment.count > 0;
}

function seal(segment: Segment, trailer: Trailer, fileBytes: number): void {
  const { framesEnd, count, firstOffset, lastOffset, minTimeMs, maxTimeMs, lastLogOffset, missed } = trailer;
  Object.assign(segment, { count, firstOffset, lastOffset, minTimeMs, maxTimeMs, lastLogOffset, missed, fileBytes, framesEnd });
  segment.writtenEnd = segment.flushedEnd = framesEnd;
  segment.index = trailer;
}

async function readAt(file: DiskFile, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  return bytes.subarray(0, await file.read(bytes, at));
}

async function isBlank(file: DiskFile, bytes: number): Promise<boolean> {
  if (bytes > SEGMENT_HEADER_BYTES) return false;
  return (await readAt(file, 0, bytes)).every((byte) => byte === 0) || bytes < SEGMENT_HEADER_BYTES;
}
