import { setImmediate } from 'node:timers/promises';
import type { SortedRange } from './sorted-table.ts';
import type { ScanRange, StoredRecord } from './store.ts';

/** A page ends with the record that reaches one of these; one larger value makes a page of its own. */
const PAGE_RECORDS_MAX = 256;
/** Of who reads ahead: the larger a page, the more of its records stand side by side. PERF: bench/scenarios/durable-sessions.ts */
const AHEAD_RECORDS_MAX = 2048;
export const PAGE_BYTES_MAX = 1024 * 1024;

export interface Page {
  readonly records: readonly StoredRecord[];
  /** The last key that was visited (a damaged record counts), or null when the range is exhausted. */
  readonly resumeAt: string | null;
}

/** Reads at most `recordsMax` records from the start of the range (from its end when it is reversed); values may share memory when it `lends`. */
type ReadPage = (range: SortedRange, recordsMax: number, lends: boolean) => Page | Promise<Page>;

/**
 * Turns single pages into a walk of a range. The walk is no snapshot: it sees every record that exists throughout exactly
 * once, and one that comes or goes meanwhile perhaps. The event loop turns between pages.
 */
export async function* scanPages(readPage: ReadPage, range: ScanRange): AsyncGenerator<readonly StoredRecord[]> {
  let rest = sortedRange(range);
  let left = range.limit ?? Infinity;
  const readsAhead = range.readsAhead === true;
  const recordsMax = readsAhead ? AHEAD_RECORDS_MAX : PAGE_RECORDS_MAX;
  const readNext = async (): Promise<Page> => readPage(rest, Math.min(left, recordsMax), readsAhead);
  let ahead: Promise<Page> | null = null;
  try {
    while (left > 0) {
      const page: Page = await (ahead ?? readNext());
      ahead = null;
      left -= page.records.length;
      // The next key after k in byte order is k followed by a zero byte.
      if (page.resumeAt !== null) rest = rest.isReverse ? { ...rest, to: page.resumeAt } : { ...rest, from: `${page.resumeAt}\0` };
      if (readsAhead && page.resumeAt !== null && left > 0) {
        ahead = readNext();
        // A failure is told when its turn comes.
        ahead.catch(() => {});
      }
      if (page.records.length > 0) yield page.records;
      if (page.resumeAt === null) return;
      await setImmediate();
    }
  } finally {
    // Who stops early leaves nothing under way.
    await ahead?.catch(() => {});
  }
}

/** A range as the sorted tables have it. */
export function sortedRange({ from, to, isReverse = false }: ScanRange = {}): SortedRange {
  return { from: from?.toString('latin1') ?? null, to: to?.toString('latin1') ?? null, isReverse };
}
