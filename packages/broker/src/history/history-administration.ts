import type { PublishProperties } from '@wrenmq/codec';
import { OperationalError } from '#base/errors.ts';
import type { QoS } from '#message/message.ts';
import { timeOf } from '#topic/history-filter.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import type { History } from './history.ts';
import type { HistoryStatistics } from './history-counts.ts';
import type { HistoryEntry, HistoryQuery } from './message-history.ts';

const PAGE_MESSAGES = 256;
const LAST_MAX = 10_000;

/** What to read; all that is said holds together. Times are Dates, milliseconds since 1970, or texts such as `2026-01-31T12:00:00Z`. */
export interface HistoryRequest {
  /** A topic filter; `#` when absent. Topics that begin with `$` are not kept. */
  readonly filter?: string;
  /** Not published before; inclusive. */
  readonly from?: Date | number | string;
  /** Published before; exclusive. */
  readonly to?: Date | number | string;
  /** So many messages at most, 1 or more. */
  readonly limit?: number;
  /** Only what is behind the message with this offset: where another reading ended. */
  readonly after?: number;
  /** Only the last so many of each topic, 1 to 10000; then they come topic by topic, and by offset within a topic. Else they come by offset. */
  readonly lastPerTopic?: number;
}

/** A message as it was published. */
export interface HistoryMessage {
  /** Its place among everything that is kept, in the order of publishing; never given twice. */
  readonly offset: number;
  readonly time: Date;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The client that published it, or the part of the house. */
  readonly publisher: string;
  /** Those of MQTT 5. */
  readonly properties: PublishProperties;
  /** How many messages (of any topic) were not kept between the one before and this one; 0 for the first unless `after` is given. */
  readonly missed: number;
}

/** What administrators and programs may ask of the history. */
export class HistoryAdministration {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  /**
   * What was published, up to what there is when the reader comes to the end. Pages are read as they are consumed, so that a slow reader
   * costs one page. Throws OperationalError `history.query` when the request makes no sense; the iteration rejects with
   * `history.failed` when files cannot be read.
   */
  read(request: HistoryRequest = {}): AsyncIterable<HistoryMessage> {
    const query = queryOf(request);
    const limit = wholeNumber('limit', request.limit ?? Infinity, 1, Infinity);
    return { [Symbol.asyncIterator]: () => this.#iterate(query, limit) };
  }

  statistics(): HistoryStatistics {
    return this.#history.statistics();
  }

  async *#iterate(query: HistoryQuery, limit: number): AsyncGenerator<HistoryMessage> {
    const reading = this.#history.read(query);
    for (let left = limit; left > 0 && !reading.isDone;) {
      const entries = await reading.next(Math.min(PAGE_MESSAGES, left));
      left -= entries.length;
      for (const entry of entries) yield describe(entry);
    }
  }
}

function queryOf({ filter = '#', from, to, after, lastPerTopic }: HistoryRequest): HistoryQuery {
  const parsed = typeof filter === 'string' ? parseTopicFilter(filter, Infinity) : 'is no text';
  if (typeof parsed === 'string') throw refusal(`the filter ${filter} ${parsed}`);
  if (parsed.group !== null) throw refusal(`the filter ${filter} names a shared group: the history is read by nobody else`);
  return {
    filter,
    ...(from === undefined ? {} : { fromMs: millisecondsOf('from', from) }),
    ...(to === undefined ? {} : { toMs: millisecondsOf('to', to) }),
    ...(after === undefined ? {} : { after: wholeNumber('after', after, -1, Number.MAX_SAFE_INTEGER) }),
    ...(lastPerTopic === undefined ? {} : { lastPerTopic: wholeNumber('lastPerTopic', lastPerTopic, 1, LAST_MAX) }),
  };
}

function millisecondsOf(name: string, time: Date | number | string): number {
  const atMs = time instanceof Date ? time.getTime() : typeof time === 'string' ? timeOf(time) : time;
  if (typeof atMs === 'number' && Number.isFinite(atMs)) return atMs;
  throw refusal(`${name} is no time: give a Date, milliseconds since 1970, or UTC such as 2026-01-31T12:00:00Z`);
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if ((Number.isSafeInteger(value) || value === max) && value >= min && value <= max) return value;
  throw refusal(`${name} must be a whole number from ${min}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ' on'}`);
}

function refusal(message: string): OperationalError {
  return new OperationalError('history.query', message);
}

function describe({ offset, message, missed }: HistoryEntry): HistoryMessage {
  const { receivedAtMs, topic, payload, qos, retain, publisher, properties } = message;
  return { offset, time: new Date(receivedAtMs), topic, payload, qos, retain, publisher, properties, missed };
}
