import { alignedFrameBytes } from './frame.ts';
import type { Block } from './segment-format.ts';

/** Frames are read together up to so many bytes. */
const BLOCK_BYTES = 32 * 1024;

/** Adds a frame behind the others: it joins the block before it as long as that stays small, or is one of its own. */
export function addBlock(blocks: Block[], frame: Block): void {
  const last = blocks.at(-1);
  const bytes = last === undefined ? Infinity : frame.at + frame.bytes - last.at;
  if (last === undefined || last.isLost || frame.isLost || bytes > BLOCK_BYTES || alignedFrameBytes(last.at + last.bytes) !== frame.at) {
    blocks.push(frame);
    return;
  }
  last.bytes = bytes;
  last.count += frame.count;
  last.lastOffset = frame.lastOffset;
  last.minTimeMs = Math.min(last.minTimeMs, frame.minTimeMs);
  last.maxTimeMs = Math.max(last.maxTimeMs, frame.maxTimeMs);
  last.missed = frame.missed;
}

/** The index of the first block whose records end at or behind an ordinal. */
export function blockOfOrdinal(blocks: readonly Block[], ordinal: number): number {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (blocks[middle].firstOrdinal + blocks[middle].count <= ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}
