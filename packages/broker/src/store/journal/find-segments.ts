import type { CheckpointState, SegmentState } from './checkpoint.ts';
import { codeOf, type Disk, type DiskFile } from './disk.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, parseFrameHeader, seedOf } from './frame.ts';
import type { ManifestState } from './manifest.ts';
import { Segment, segmentName } from './segments.ts';

/**
 * The segments that a checkpoint knows and that still exist, up to the one where the journal went on. Null when one of them is not
 * the file that it was: missing, cut off, of another age, or with another first or last commit.
 */
export async function findSegments(disk: Disk, { first, last, secret }: ManifestState, state: CheckpointState): Promise<Segment[] | null> {
  const { segments, sequence } = state;
  const [oldest, resumed] = [segments[0].number, segments[segments.length - 1].number];
  if (oldest > first || resumed < first || resumed > last) return null;
  const found: Segment[] = [];
  for (let i = first - oldest; i < segments.length; i += 1) {
    const segment = await findSegment(disk, secret, segments[i], segments[i + 1]?.sequenceBefore ?? sequence);
    if (segment === null) return null;
    found.push(segment);
  }
  return found;
}

/** `sequence` is the number of its last commit. */
async function findSegment(disk: Disk, secret: number, state: SegmentState, sequence: number): Promise<Segment | null> {
  const { number, used, lastFrameAt, sequenceBefore, changesBefore } = state;
  let file: DiskFile;
  try {
    file = await disk.open(segmentName(number));
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return null;
  }
  try {
    const bytes = await file.bytes();
    const [one, other] = [await headerAt(file, secret, number, 0), await headerAt(file, secret, number, Math.max(lastFrameAt, 0))];
    const isUnused = used === 0 && sequence === sequenceBefore;
    const isAsItWas =
      one !== null &&
      other !== null &&
      one.sequence === sequenceBefore + 1 &&
      one.changesBefore === changesBefore &&
      other.sequence === sequence &&
      lastFrameAt + FRAME_HEADER_BYTES + other.bodyBytes === used;
    if (bytes < used || !(isUnused || isAsItWas)) return null;
    const segment = new Segment(number, bytes, null);
    return Object.assign(segment, { used, lastFrameAt, sequenceBefore, changesBefore });
  } catch (error) {
    // A device that cannot read here is looked at more closely by reading everything.
    if (codeOf(error) === null) throw error;
    return null;
  } finally {
    await file.close();
  }
}

async function headerAt(file: DiskFile, secret: number, segment: number, offset: number): Promise<FrameHeader | null> {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  await file.read(header, offset);
  return parseFrameHeader(header, 0, seedOf(secret, segment, offset));
}
