import { blockOfOrdinal } from './block.ts';
import { hasWildcard } from './directory.ts';
import { DamagedIndex } from './history-files.ts';
import type { HistoryEntry, HistoryQuery, HistoryReading } from './message-history.ts';
import { READING_PAGE_BYTES } from './offset-reading.ts';
import { RecordBounds } from './record-bounds.ts';
import type { Segment } from './segment.ts';
import { collectRecords, type FoundRecord, type TopicRecords, type Wanted } from './segment-reader.ts';
import type { ReadingHouse } from './shelf-cursor.ts';
import type { Shelf } from './shelf.ts';

/** So many topics without a message are passed over before a page ends empty. */
const TOPICS_MAX = 256;

/** What one segment has of the topics that match, one after another. */
interface Stream {
  readonly shelf: Shelf;
  readonly segment: Segment;
  topics: AsyncGenerator<TopicRecords>;
  /** The topic that it has come to; null behind the last. */
  head: TopicRecords | null;
}

/** Reads the last messages of each topic, topic by topic, from what there was when it began. */
export class LastReading implements HistoryReading {
  isDone = false;
  readonly #house: ReadingHouse;
  readonly #filter: string;
  readonly #lastMax: number;
  readonly #bounds: RecordBounds;
  #streams: Stream[] | null = null;
  /** Of the topic under way. */
  #found: FoundRecord[] = [];
  #damaged = 0;
  #position: number;

  constructor(house: ReadingHouse, query: HistoryQuery) {
    this.#house = house;
    this.#filter = query.filter;
    this.#lastMax = query.lastPerTopic!;
    this.#bounds = new RecordBounds({ ...query, before: Math.min(query.before ?? Infinity, house.nextOffset()) });
    this.#position = this.#bounds.from;
  }

  /** The order is by topic, so nothing is behind us before everything is. */
  get position(): number {
    return this.#position;
  }

  async next(limit: number): Promise<readonly HistoryEntry[]> {
    this.#streams ??= await this.#open();
    const entries: HistoryEntry[] = [];
    let bytes = 0;
    let topics = 0;
    for (;;) {
      const record = this.#found[0];
      if (record === undefined) {
        if (topics === TOPICS_MAX && entries.length === 0) break;
        topics += 1;
        if (!(await this.#nextTopic())) break;
        continue;
      }
      if (entries.length >= limit || (entries.length > 0 && bytes + record.message.weight > READING_PAGE_BYTES)) break;
      this.#found.shift();
      bytes += record.message.weight;
      entries.push({ offset: record.offset, message: record.message, missed: this.#damaged });
      this.#damaged = 0;
    }
    this.isDone = this.#found.length === 0 && this.#streams.every(({ head }) => head === null);
    if (this.isDone) this.#position = Math.max(this.#position, this.#bounds.before);
    return entries;
  }

  async #open(): Promise<Stream[]> {
    const streams: Stream[] = [];
    for (const shelf of this.#house.shelves.values()) {
      for (const segment of shelf.segments.toReversed()) {
        if (segment !== shelf.current && !this.#bounds.overlaps(segment)) continue;
        streams.push({ shelf, segment, topics: this.#topicsOf(segment), head: null });
      }
    }
    // One topic needs no merging: each segment is asked when it is its turn.
    if (hasWildcard(this.#filter)) for (const stream of streams) await this.#step(stream);
    else for (const stream of streams) stream.head = { topic: this.#filter, ordinals: new Uint32Array(0) };
    return streams;
  }

  async *#topicsOf(segment: Segment): AsyncGenerator<TopicRecords> {
    yield* this.#house.reader.topics(segment, this.#filter);
  }

  /** Moves a stream to its next topic. */
  async #step(stream: Stream): Promise<void> {
    const before = stream.head?.topic ?? null;
    try {
      const { value, done } = await stream.topics.next();
      stream.head = done === true ? null : value;
    } catch (error) {
      stream.head = null;
      if (stream.segment.isRemoved) return;
      if (!(error instanceof DamagedIndex)) throw error;
      await this.#house.reader.repair(stream.segment);
      stream.topics = this.#topicsOf(stream.segment);
      do await this.#step(stream);
      while (stream.head !== null && before !== null && (stream.head as TopicRecords).topic <= before);
    }
  }

  /** Finds what is wanted of the next topic; false when there is none. */
  async #nextTopic(): Promise<boolean> {
    const streams = this.#streams!;
    let topic: string | null = null;
    for (const { head } of streams) if (head !== null && (topic === null || head.topic < topic)) topic = head.topic;
    if (topic === null) return false;
    const found: FoundRecord[] = [];
    const byShelf = Map.groupBy(streams, ({ shelf }) => shelf);
    for (const own of byShelf.values()) found.push(...(await this.#lastOf(topic, own)));
    this.#found = found.sort((a, b) => a.offset - b.offset).slice(-this.#lastMax);
    return true;
  }

  /** The last records of a topic on one shelf, whose segments come newest first. */
  async #lastOf(topic: string, streams: readonly Stream[]): Promise<FoundRecord[]> {
    const found: FoundRecord[] = [];
    const isExact = !hasWildcard(this.#filter);
    for (const stream of streams) {
      if (stream.head?.topic !== topic) continue;
      const isEnough = found.length >= this.#lastMax;
      if (!isEnough && !stream.segment.isRemoved) {
        found.push(...(await this.#lastInUnlessRemoved(stream, isExact, this.#lastMax - found.length)));
      }
      if (isExact) stream.head = null;
      else await this.#step(stream);
    }
    return found;
  }

  async #lastInUnlessRemoved(stream: Stream, isExact: boolean, count: number): Promise<FoundRecord[]> {
    const { segment } = stream;
    try {
      const ordinals = isExact ? await this.#house.reader.ordinals(segment, this.#filter) : stream.head!.ordinals;
      return await this.#lastIn(stream, ordinals!, count);
    } catch (error) {
      // Retention has taken it away: what is left is read.
      if (segment.isRemoved) return [];
      throw error;
    }
  }

  /** Of the records that the index names, the last so many that are wanted; from the newest frame backwards. */
  async #lastIn({ shelf, segment }: Stream, ordinals: Uint32Array, count: number): Promise<FoundRecord[]> {
    const found: FoundRecord[] = [];
    const wanted = { filter: this.#filter, bounds: this.#bounds, nowMs: this.#house.clock.wallMs() };
    const blocks = await this.#house.reader.blocksOf(segment);
    const last = blocks.at(-1);
    const written = last === undefined ? 0 : last.firstOrdinal + last.count;
    let end = ordinals.length;
    if (end > 0 && ordinals[end - 1] >= written) found.push(...this.#inMemory({ shelf, segment }, written, { ...wanted, ordinals }));
    while (end > 0 && ordinals[end - 1] >= written) end -= 1;
    while (end > 0 && found.length < count && !segment.isRemoved) {
      const block = { ...blocks[blockOfOrdinal(blocks, ordinals[end - 1])] };
      let start = end;
      while (start > 0 && ordinals[start - 1] >= block.firstOrdinal) start -= 1;
      if (this.#bounds.overlaps(block)) {
        const { records, damaged } = await this.#house.reader.records(segment, block, {
          ...wanted,
          ordinals: ordinals.subarray(start, end),
        });
        this.#damaged += damaged;
        found.push(...records);
      }
      end = start;
    }
    return found.sort((a, b) => b.offset - a.offset).slice(0, count);
  }

  #inMemory({ shelf, segment }: Pick<Stream, 'shelf' | 'segment'>, from: number, wanted: Wanted): FoundRecord[] {
    const records: FoundRecord[] = [];
    for (const { bytes } of this.#house.tail.framesOf(segment, from)) collectRecords(bytes, 0, wanted, records);
    if (shelf.current === segment && shelf.builder.count > 0) collectRecords(shelf.builder.finish(0), 0, wanted, records);
    return records;
  }
}
