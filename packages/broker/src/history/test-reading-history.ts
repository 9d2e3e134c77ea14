import { OperationalError } from '#base/errors.ts';
import { createMessage, type MessageFields } from '#message/message.ts';
import { matches } from '#topic/topic-filter.ts';
import type { HistoryEntry, HistoryQuery, HistoryReading, MessageHistory } from './message-history.ts';

/** The history as its contract has it, in memory, with what a test wants to hold in its hands. */
export class TestReadingHistory implements MessageHistory {
  readonly entries: HistoryEntry[] = [];
  isEnabled = true;
  nextOffset = 1;
  /** As if what is before were on disk only: `tail` does not reach it. */
  memoryFrom = 0;
  /** What is before is flushed. */
  flushedTo = Infinity;
  /** Pages are no larger, whatever is asked for. */
  pageMax = Infinity;
  /** Pages that are being read now, and the most at one time. */
  reading = 0;
  mostReading = 0;
  pages = 0;
  /** So many pages fail. */
  failures = 0;
  /** Topics that are not kept. */
  readonly excluded = new Set<string>();

  get flushedOffset(): number {
    return Math.min(this.flushedTo, this.nextOffset);
  }

  keeps(topic: string): boolean {
    return !topic.startsWith('$') && !this.excluded.has(topic);
  }

  append(fields: Partial<MessageFields> & { topic: string }, missed = 0): HistoryEntry {
    const message = createMessage({ payload: String(this.nextOffset), publisher: 'p', receivedAtMs: this.nextOffset * 1000, ...fields });
    const entry = { offset: this.nextOffset, message, missed };
    this.nextOffset += 1;
    this.entries.push(entry);
    return entry;
  }

  read(query: HistoryQuery): HistoryReading {
    return new TestReading(this, query);
  }

  tail(filter: string, from: number, limit: number): readonly HistoryEntry[] | null {
    if (from < this.memoryFrom) return null;
    const rest = this.matching({ filter, after: from - 1 });
    return rest.length > limit ? null : rest;
  }

  matching({ filter, after = -1, before = Infinity, fromMs = -Infinity, toMs = Infinity }: HistoryQuery): HistoryEntry[] {
    return this.entries.filter(({ offset, message: { topic, receivedAtMs } }) => {
      return offset > after && offset < before && receivedAtMs >= fromMs && receivedAtMs < toMs && matches(filter, topic);
    });
  }
}

class TestReading implements HistoryReading {
  isDone = false;
  position: number;
  readonly #history: TestReadingHistory;
  readonly #query: HistoryQuery;
  #rest: HistoryEntry[] | null = null;

  constructor(history: TestReadingHistory, query: HistoryQuery) {
    this.#history = history;
    this.#query = query;
    this.position = (query.after ?? -1) + 1;
  }

  async next(limit: number): Promise<readonly HistoryEntry[]> {
    const history = this.#history;
    history.pages += 1;
    history.reading += 1;
    history.mostReading = Math.max(history.mostReading, history.reading);
    await new Promise(setImmediate);
    history.reading -= 1;
    if (history.failures > 0) {
      history.failures -= 1;
      throw new OperationalError('history.failed', 'the file cannot be read', { retryable: true });
    }
    const page = this.#page(Math.min(limit, history.pageMax));
    this.isDone =
      this.#query.lastPerTopic === undefined ? page.length === 0 || page.at(-1)!.offset === this.#lastOffset() : this.#rest!.length === 0;
    // What was not asked for is read, too.
    this.position = this.isDone ? Math.max(history.nextOffset, this.position) : page.at(-1)!.offset + 1;
    return page;
  }

  #lastOffset(): number {
    return this.#history.matching(this.#query).at(-1)?.offset ?? 0;
  }

  #page(limit: number): HistoryEntry[] {
    if (this.#query.lastPerTopic === undefined) return this.#history.matching({ ...this.#query, after: this.position - 1 }).slice(0, limit);
    this.#rest ??= lastOf(this.#history.matching(this.#query), this.#query.lastPerTopic);
    return this.#rest.splice(0, limit);
  }
}

function lastOf(entries: readonly HistoryEntry[], count: number): HistoryEntry[] {
  const byTopic = Map.groupBy(entries, ({ message: { topic } }) => topic);
  return [...byTopic.keys()].toSorted().flatMap((topic) => byTopic.get(topic)!.slice(-count));
}
