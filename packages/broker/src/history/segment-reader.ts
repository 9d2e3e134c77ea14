import type { Clock } from '#base/clock.ts';
import type { Message } from '#message/message.ts';
import { matches } from '#topic/topic-filter.ts';
import { hasWildcard, type PagePlace, pageOf, prefixOf } from './directory.ts';
import { readFrameHeader } from './frame.ts';
import { FrameWalk } from './frame-walk.ts';
import { DamagedIndex, type HistoryFiles } from './history-files.ts';
import { decodeOrdinals, entriesOf } from './index-page.ts';
import type { RecordBounds } from './record-bounds.ts';
import { Slices, sortTopics } from './seal-segment.ts';
import type { MemoryIndex, SealedIndex, Segment } from './segment.ts';
import type { Block } from './segment-format.ts';

/** A filter that matches more than this part of a segment is looked for in all of it. */
const SELECTIVE_PART = 8;
const none = new Uint32Array(0);

/** A record as it was found. */
export interface FoundRecord {
  readonly offset: number;
  readonly message: Message;
  /** How many were not kept from the beginning of the history up to it. */
  readonly missed: number;
}

export interface FoundRecords {
  readonly records: FoundRecord[];
  /** So many messages of the frames were damaged. */
  readonly damaged: number;
}

/** Which records are wanted of a frame. */
export interface Wanted {
  readonly filter: string;
  readonly bounds: RecordBounds;
  /** Their ordinals, ascending, from `from` on, when the index has named them; they match the filter. */
  readonly ordinals: Uint32Array | null;
  readonly nowMs: number;
}

/** Records of one topic in one segment. */
export interface TopicRecords {
  readonly topic: string;
  readonly ordinals: Uint32Array;
}

export interface SegmentReaderHouse {
  readonly files: HistoryFiles;
  readonly clock: Clock;
  /** Makes an index again that is damaged. */
  repair(segment: Segment): Promise<void>;
  /** Messages of a block were found damaged. */
  foundDamaged(segment: Segment, block: Block, messages: number): void;
}

/** What can be asked of a segment, sealed or not. */
export class SegmentReader {
  readonly #house: SegmentReaderHouse;

  constructor(house: SegmentReaderHouse) {
    this.#house = house;
  }

  /** The ordinals of the records that match, ascending; null when they are so many that all frames had better be read. */
  async ordinals(segment: Segment, filter: string): Promise<Uint32Array | null> {
    if (filter === '#') return null;
    return this.#withIndex(segment, (index) => {
      if ('topics' in index) return hasWildcard(filter) ? this.#collectOpen(index, filter) : index.topics.ordinalsOfTopic(filter);
      return hasWildcard(filter) ? this.#collectSealed(segment, index, filter) : this.#lookUp(segment, index, filter);
    });
  }

  /** The topics that match, in their order. */
  async *topics(segment: Segment, filter: string): AsyncGenerator<TopicRecords> {
    const { memory } = segment;
    if (memory !== null) {
      yield* this.#openTopics(memory, filter);
      return;
    }
    const index = segment.index as SealedIndex;
    for await (const page of this.#pagesFor(segment, index, filter)) {
      for (const entry of entriesOf(page)) if (matches(filter, entry.topic)) yield { topic: entry.topic, ordinals: decodeOrdinals(entry) };
    }
  }

  /** Makes the index again from the frames. */
  repair(segment: Segment): Promise<void> {
    return this.#house.repair(segment);
  }

  blocksOf(segment: Segment): Promise<readonly Block[]> {
    return this.#withIndex(segment, () => this.#house.files.blocksOf(segment));
  }

  /** The wanted records of a block that is on disk. */
  async records(segment: Segment, block: Block, wanted: Wanted): Promise<FoundRecords> {
    if (block.isLost) return { records: [], damaged: 0 };
    const { bytes, starts, count } = await this.#house.files.frames(segment, block);
    const records: FoundRecord[] = [];
    for (const start of starts) collectRecords(bytes, start, wanted, records);
    const damaged = Math.max(0, block.count - count);
    if (damaged > 0) this.#house.foundDamaged(segment, block, damaged);
    return { records, damaged };
  }

  async #withIndex<T>(segment: Segment, use: (index: Segment['index']) => T | Promise<T>): Promise<T> {
    try {
      return await use(segment.index);
    } catch (error) {
      if (!(error instanceof DamagedIndex)) throw error;
      await this.repair(segment);
      return use(segment.index);
    }
  }

  async #lookUp(segment: Segment, index: SealedIndex, topic: string): Promise<Uint32Array> {
    const { files } = this.#house;
    const pages = await files.pagesOf(segment, index);
    if (pages.length === 0) return none;
    for (const entry of entriesOf(await files.page(segment, pages[pageOf(pages, topic)]))) {
      if (entry.topic === topic) return decodeOrdinals(entry);
    }
    return none;
  }

  async #collectSealed(segment: Segment, index: SealedIndex, filter: string): Promise<Uint32Array | null> {
    const found: Uint32Array[] = [];
    let total = 0;
    for await (const page of this.#pagesFor(segment, index, filter)) {
      for (const entry of entriesOf(page)) {
        if (!matches(filter, entry.topic)) continue;
        total += entry.count;
        if (total * SELECTIVE_PART > segment.count) return null;
        found.push(decodeOrdinals(entry));
      }
    }
    return joined(found, total);
  }

  async #collectOpen({ topics: index }: MemoryIndex, filter: string): Promise<Uint32Array | null> {
    const numbers = await this.#matching(index.topics, filter);
    let total = 0;
    for (const number of numbers) total += index.countOf(number);
    if (total * SELECTIVE_PART > index.count) return null;
    return joined(
      numbers.map((number) => index.ordinalsOf(number)),
      total,
    );
  }

  async *#openTopics({ topics: index }: MemoryIndex, filter: string): AsyncGenerator<TopicRecords> {
    const numbers = Uint32Array.from(await this.#matching(index.topics, filter));
    const { topics } = index;
    const order = await sortTopics(topics, numbers, new Slices(this.#house.clock));
    for (const number of order) yield { topic: topics[number], ordinals: index.ordinalsOf(number) };
  }

  async #matching(topics: readonly string[], filter: string): Promise<number[]> {
    const slices = new Slices(this.#house.clock);
    const numbers: number[] = [];
    const { length } = topics;
    for (let number = 0; number < length; number += 1) {
      if (matches(filter, topics[number])) numbers.push(number);
      if (slices.step()) await slices.pause();
    }
    return numbers;
  }

  /** The pages on which topics that match may stand. */
  async *#pagesFor(segment: Segment, index: SealedIndex, filter: string): AsyncGenerator<Buffer> {
    const { files } = this.#house;
    const pages: readonly PagePlace[] = await files.pagesOf(segment, index);
    const prefix = prefixOf(filter);
    for (let i = pageOf(pages, prefix); i < pages.length; i += 1) {
      const { firstTopic } = pages[i];
      if (firstTopic > prefix && !firstTopic.startsWith(prefix)) return;
      yield files.page(segment, pages[i]);
    }
  }
}

/** Adds the wanted records of the sound frame at `at` of `bytes`. */
export function collectRecords(bytes: Buffer, at: number, wanted: Wanted, records: FoundRecord[]): void {
  const { filter, bounds, ordinals, nowMs } = wanted;
  const walk = new FrameWalk(bytes, at);
  const isExact = !hasWildcard(filter);
  /** By the topic's number in the frame. */
  const isMatch: boolean[] = [];
  const { firstOrdinal, count } = readFrameHeader(bytes, at);
  let next = ordinals === null ? 0 : firstNotBelow(ordinals, firstOrdinal);
  if (ordinals !== null && (next === ordinals.length || ordinals[next] >= firstOrdinal + count)) return;
  while (walk.next()) {
    if (ordinals !== null) {
      if (next === ordinals.length) return;
      if (ordinals[next] !== walk.ordinal) continue;
      next += 1;
    } else if (!(isMatch[walk.topicNumber] ??= isExact ? walk.topic === filter : matches(filter, walk.topic))) {
      continue;
    }
    if (bounds.has(walk, nowMs)) records.push({ offset: walk.offset, message: walk.message(), missed: walk.missed });
  }
}

/** The index of the first of ascending numbers that is not below `least`. */
export function firstNotBelow(numbers: Uint32Array, least: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function joined(parts: readonly Uint32Array[], total: number): Uint32Array {
  const all = new Uint32Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part.subarray(0, total - at), at);
    at += Math.min(part.length, total - at);
  }
  return all.sort();
}
