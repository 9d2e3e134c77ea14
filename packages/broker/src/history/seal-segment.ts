import { crc32 } from 'node:zlib';
import type { Clock } from '#base/clock.ts';
import type { DiskFile } from '#store/journal/disk.ts';
import { encodeDirectory, type PagePlace } from './directory.ts';
import { IndexPageWriter } from './index-page.ts';
import type { OpenIndex } from './open-index.ts';
import type { Segment } from './segment.ts';
import { encodeBlocks, encodeTrailer, type Trailer } from './segment-format.ts';

/** Longest that the event loop waits for a part of this work. */
const SLICE_MS = 2;
/** So many comparisons or topics between looks at the clock. */
const STEPS_PER_LOOK = 256;
const WRITE_BYTES = 256 * 1024;

/** Lets the event loop turn whenever a slice of time has passed. */
export class Slices {
  readonly #clock: Clock;
  #endMs: number;
  #steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + SLICE_MS;
  }

  /** True when it is time to `pause`. */
  step(): boolean {
    this.#steps += 1;
    return this.#steps % STEPS_PER_LOOK === 0 && this.#clock.monotonicMs() >= this.#endMs;
  }

  async pauseWhenDue(): Promise<void> {
    if (this.#clock.monotonicMs() >= this.#endMs) await this.pause();
  }

  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#endMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}

/** The numbers of the topics, in the order of their names; the event loop goes on meanwhile. */
export async function sortTopics(topics: readonly string[], numbers: Uint32Array, slices: Slices): Promise<Uint32Array> {
  let from = numbers;
  let to: Uint32Array = new Uint32Array(numbers.length);
  for (let width = 1; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length);
      const end = Math.min(start + 2 * width, from.length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at += 1) {
        const isLeft = left < middle && (right >= end || topics[from[left]] <= topics[from[right]]);
        to[at] = isLeft ? from[left++] : from[right++];
        if (slices.step()) await slices.pause();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/**
 * Writes the index of a segment that takes no more frames, and flushes it; from then on it is on disk. `before`: the topics of another
 * segment, in their order, many of which may be there again. Returns those of this one.
 */
export async function sealSegment(segment: Segment, file: DiskFile, clock: Clock, before: readonly string[]): Promise<readonly string[]> {
  const { memory, header } = segment;
  if (memory === null) return before;
  const slices = new Slices(clock);
  const order = await orderTopics(memory.topics, before, slices);
  const pagesEnd = await writePages(segment, memory.topics, { file, slices, order });
  const blocks = encodeBlocks(memory.blocks);
  const directory = encodeDirectory(pagesEnd.pages);
  const trailer: Trailer = {
    directoryAt: pagesEnd.at,
    directoryBytes: directory.length,
    directoryChecksum: crc32(directory),
    blocksAt: pagesEnd.at + directory.length,
    blocksBytes: blocks.length,
    blocksChecksum: crc32(blocks),
    framesEnd: segment.framesEnd,
    count: segment.count,
    firstOffset: segment.firstOffset,
    lastOffset: segment.lastOffset,
    minTimeMs: segment.minTimeMs,
    maxTimeMs: segment.maxTimeMs,
    lastLogOffset: segment.lastLogOffset,
    missed: segment.missed,
  };
  const end = Buffer.concat([directory, blocks, encodeTrailer(trailer, header.seed)]);
  // What an earlier attempt has left must not stand behind the trailer.
  await file.truncate(pagesEnd.at);
  await file.write(end, pagesEnd.at);
  await file.flush();
  segment.fileBytes = pagesEnd.at + end.length;
  segment.index = trailer;
  return Array.from(order, (number) => memory.topics.topics[number]);
}

/** The numbers of all topics in the order of their names. Only those are sorted that were not there before. */
async function orderTopics(index: OpenIndex, before: readonly string[], slices: Slices): Promise<Uint32Array> {
  const { topics } = index;
  const isKnown = new Uint8Array(topics.length);
  const known: number[] = [];
  for (const topic of before) {
    const number = index.find(topic);
    if (number >= 0) {
      known.push(number);
      isKnown[number] = 1;
    }
    if (slices.step()) await slices.pause();
  }
  const fresh = await sortTopics(
    topics,
    Uint32Array.from(topics.keys()).filter((number) => isKnown[number] === 0),
    slices,
  );
  const order = new Uint32Array(topics.length);
  let left = 0;
  let right = 0;
  for (let at = 0; at < order.length; at += 1) {
    const isLeft = right === fresh.length || (left < known.length && topics[known[left]] < topics[fresh[right]]);
    order[at] = isLeft ? known[left++] : fresh[right++];
    if (slices.step()) await slices.pause();
  }
  return order;
}

interface PageSink {
  readonly file: DiskFile;
  readonly slices: Slices;
  /** The topics' numbers. */
  readonly order: Uint32Array;
}

async function writePages(
  segment: Segment,
  index: OpenIndex,
  { file, slices, order }: PageSink,
): Promise<{ pages: PagePlace[]; at: number }> {
  const { topics } = index;
  const writer = new IndexPageWriter();
  const pages: PagePlace[] = [];
  let at = segment.framesEnd;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const write = async (): Promise<void> => {
    await file.write(Buffer.concat(waiting), at - waitingBytes);
    waiting = [];
    waitingBytes = 0;
  };
  const take = (): void => {
    const page = writer.take(segment.header.seed);
    pages.push({ at, bytes: page.length, firstTopic: writer.firstTopic });
    waiting.push(page);
    at += page.length;
    waitingBytes += page.length;
  };
  for (const number of order) {
    writer.add(topics[number], index.ordinalsOf(number));
    if (writer.isFull) take();
    if (waitingBytes >= WRITE_BYTES) await write();
    if (slices.step()) await slices.pause();
  }
  if (!writer.isEmpty) take();
  if (waitingBytes > 0) await write();
  return { pages, at };
}
