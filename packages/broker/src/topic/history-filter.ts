import { parseTopicFilter } from './topic-filter.ts';
import { textError, TOPIC_BYTES_MAX } from './topic-name.ts';

/** What of the history is asked for. */
export type HistoryRange =
  | { readonly kind: 'ago'; readonly ms: number }
  /** The last so many of each topic. */
  | { readonly kind: 'last'; readonly count: number }
  /** From this moment on: wall clock, milliseconds. */
  | { readonly kind: 'since'; readonly atMs: number }
  /** From this offset on, inclusive. */
  | { readonly kind: 'offset'; readonly offset: number };

/** A filter that reads the history, taken apart. */
export interface HistoryFilter {
  /** What the client sent: its name for this reading. */
  readonly text: string;
  /** Goes on with live messages. */
  readonly isLive: boolean;
  readonly range: HistoryRange;
  /** What topics are matched with: without prefix. */
  readonly filter: string;
}

/** The topic of the message that ends a reading. */
export const HISTORY_END_TOPIC = '$history/end';

/** As the contract of the history has it. */
const LAST_MAX = 10_000;
const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const prefixed = /^\$history(?:-live)?(?:\/|$)/;
const nested = /^\$(?:share\/[^/]*|exclusive|queue)\/\$history(?:-live)?(?:\/|$)/;
const form = /^\$history(-live)?\/([^/]*)\/(.+)$/s;
const isoTime = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z)?$/;

const examples = 'such as -15m, last:10, since:2026-01-31T12:00:00Z or offset:1000';

/** Whether a topic or filter lies where the history is read, and nothing is published. */
export function isHistoryTopic(topic: string): boolean {
  return topic.startsWith('$history') && prefixed.test(topic);
}

/**
 * Takes a filter that reads the history apart. Null when it does not; a string says what is wrong with it and how to mend it, as
 * the end of a sentence that starts with it.
 */
export function parseHistoryFilter(text: string, levelsMax: number, bytesMax = TOPIC_BYTES_MAX): HistoryFilter | string | null {
  if (nested.test(text)) return 'has the history behind another prefix: nothing may stand before $history/ and $history-live/';
  if (!isHistoryTopic(text)) return null;
  const [, live, rangeText, filter] = form.exec(text) ?? [];
  if (rangeText === undefined || filter === undefined) {
    return `has no range and filter: write {prefix}/{range}/{filter} with a range ${examples}`;
  }
  const range = parseRange(rangeText);
  if (typeof range === 'string') return range;
  if (filter.startsWith('$')) return 'has a $ behind the range: the history keeps no $ topics, and no other prefix may stand there';
  const parsed = parseTopicFilter(filter, levelsMax, bytesMax);
  if (typeof parsed === 'string') return `has a filter behind the range that ${parsed}`;
  return textError(text, bytesMax) ?? { text, isLive: live !== undefined, range, filter };
}

function parseRange(text: string): HistoryRange | string {
  const [, amount, unit] = /^-(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount !== undefined) return { kind: 'ago', ms: Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS] };
  const [name, value] = splitAt(text, ':');
  if (name === 'last') {
    const count = /^\d{1,5}$/.test(value) ? Number(value) : 0;
    return count >= 1 && count <= LAST_MAX ? { kind: 'last', count } : `has a range last: without a number from 1 to ${LAST_MAX}`;
  }
  if (name === 'offset') {
    const offset = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
    return Number.isSafeInteger(offset) ? { kind: 'offset', offset } : 'has a range offset: without the number of an offset';
  }
  if (name === 'since') return parseTime(value);
  return `has no range that is known behind the prefix: write one ${examples}`;
}

function parseTime(text: string): HistoryRange | string {
  const atMs = /^\d{1,15}$/.test(text) ? Number(text) : timeOf(text);
  if (!Number.isNaN(atMs)) return { kind: 'since', atMs };
  return 'has a range since: without a time: write milliseconds since 1970, or UTC such as 2026-01-31T12:00:00Z';
}

/** Milliseconds since 1970 of a time in UTC; NaN for what is no time, such as the 30th of February. */
export function timeOf(text: string): number {
  if (!isoTime.test(text)) return NaN;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(text.slice(0, 10)) ? NaN : atMs;
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
