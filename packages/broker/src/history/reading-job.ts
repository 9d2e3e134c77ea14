import type { HistoryPosition, LastOfTopics } from '#topic/history-position.ts';
import type { HistoryEntry, HistoryQuery, HistoryReading, MessageHistory } from './message-history.ts';

/** Whoever reads: a session, for one filter. */
export interface HistoryReceiver {
  /** Whose pace it is: that of a session, whatever the number of its readings. */
  readonly pacedAs: object;
  readonly filter: string;
  /** Where the reading stands. It is set in the turn in which the messages before it were taken. */
  position: HistoryPosition;
  /** True when the place must mean the same after a crash. */
  readonly isStored: boolean;
  /** Whether another message can be taken now. */
  isReady(): boolean;
  /** Calls back once, when `isReady` has become true or nothing more is wanted. */
  onReady(callback: () => void): void;
  /** True when nothing more is wanted. */
  isClosed(): boolean;
  /** Whether it can take all of these in one turn, after which it becomes live. */
  hasRoomFor(rest: readonly HistoryEntry[]): boolean;
  /** False when it cannot take the message now. `isRest`: there was room for it, and if it is stored it must take it. */
  take(entry: HistoryEntry, isRest: boolean): boolean;
  /** Everything has been read. In this turn it becomes live, or is over; false: it cannot now. */
  finish(): boolean;
}

/** Messages of one page. */
const PAGE_MESSAGES_MAX = 64;
/** Messages that may be handed over in the turn in which a reading becomes live. */
const TAIL_MESSAGES_MAX = 1024;

/** One reading: its place, and what is left of the page that was read last. */
export class HistoryJob {
  readonly receiver: HistoryReceiver;
  /** Everything was read and the receiver knows it. */
  isFinished = false;
  /** The last step came upon nothing: what is left is not on disk yet. */
  isIdle = false;
  readonly #history: MessageHistory;
  /** Null: to be opened where the receiver stands. */
  #reading: HistoryReading | null = null;
  /** Nothing from this offset on is in it. */
  #end = Infinity;
  #page: readonly HistoryEntry[] = [];
  #taken = 0;
  #isAtEnd = false;

  constructor(receiver: HistoryReceiver, history: MessageHistory) {
    this.receiver = receiver;
    this.#history = history;
  }

  /** True between pages. */
  get isPageTaken(): boolean {
    return this.#taken === this.#page.length;
  }

  /** Hands out what is left of the page, or reads the next and hands that out. Rejects with OperationalError when files cannot be read. */
  async step(): Promise<void> {
    const { position } = this.receiver;
    let isEmpty = false;
    if (!this.#isAtEnd) {
      // ORDER: never in the midst of publishing. Else what is being published could be neither of the rest nor live.
      await (this.isPageTaken ? this.#readPage() : null);
      if (this.receiver.isClosed()) return;
      isEmpty = this.#page.length === 0;
      this.#handOut();
      if (!this.isPageTaken) return;
      this.#page = [];
      this.#taken = 0;
      this.#goOn();
    }
    this.isIdle = isEmpty && this.#reading === null && !this.#isAtEnd && this.receiver.position === position;
    if (this.#isAtEnd) this.isFinished = this.receiver.finish();
  }

  /** After an error: what was read is read again from where the receiver stands. */
  reopen(): void {
    this.#reading = null;
  }

  async #readPage(): Promise<void> {
    const { filter, position, isStored } = this.receiver;
    const { flushedOffset } = this.#history;
    // Only when it is whole on disk is it known what the last ones are.
    if (isStored && position.last !== undefined && flushedOffset < position.from) return;
    if (this.#reading === null) {
      this.#end = Math.min(position.to ?? Infinity, isStored ? flushedOffset : Infinity);
      this.#reading = this.#history.read(queryOf(filter, position, this.#end));
    }
    this.#page = await this.#reading.next(PAGE_MESSAGES_MAX);
    this.#taken = 0;
  }

  #handOut(): void {
    const { receiver } = this;
    const { last } = receiver.position;
    let newest: HistoryEntry | null = null;
    for (; this.#taken < this.#page.length; this.#taken += 1) {
      const entry = this.#page[this.#taken];
      if (last !== undefined && isBehind(entry, last)) continue;
      if (!receiver.take(entry, false)) break;
      newest = entry;
    }
    if (newest === null) return;
    const { offset, message } = newest;
    if (last === undefined) receiver.position = { ...receiver.position, from: offset + 1 };
    else receiver.position = { ...receiver.position, last: { ...last, topic: message.topic, offset } };
  }

  /** A page is done with: on to the next, to what follows the last of each topic, or to the end. */
  #goOn(): void {
    if (this.#reading === null) return;
    const { receiver } = this;
    const { isDone, position: readTo } = this.#reading;
    const { last, ...position } = receiver.position;
    // What was there, or on disk, when it was opened is read; there may be more now.
    if (isDone) this.#reading = null;
    if (last !== undefined) {
      if (!isDone) return;
      receiver.position = position;
    } else if (Math.min(readTo, this.#end) > position.from) receiver.position = { ...position, from: Math.min(readTo, this.#end) };
    const { from, to } = receiver.position;
    if (to === undefined) this.#takeRest();
    else this.#isAtEnd = from >= to || (isDone && last === undefined);
  }

  /** What is left is in memory: the receiver takes that in this turn, and is live from there on. */
  #takeRest(): void {
    const { receiver } = this;
    const { from, fromMs = -Infinity } = receiver.position;
    if (!receiver.isReady()) return;
    const rest = this.#history.tail(receiver.filter, from, TAIL_MESSAGES_MAX);
    if (rest === null || !receiver.hasRoomFor(rest)) return;
    for (const entry of rest) {
      if (entry.message.receivedAtMs < fromMs || receiver.take(entry, true)) continue;
      receiver.position = { ...receiver.position, from: entry.offset };
      this.#reading = null;
      return;
    }
    this.#isAtEnd = true;
  }
}

/** The last of each topic are in front of where the rest begins, which goes up to `end`. */
function queryOf(filter: string, { from, fromMs, last }: HistoryPosition, end: number): HistoryQuery {
  const since = fromMs === undefined ? {} : { fromMs };
  if (last !== undefined) return { filter, ...since, before: from, lastPerTopic: last.count };
  return { filter, ...since, after: from - 1, ...(end === Infinity ? {} : { before: end }) };
}

/** Of the last of each topic: whether it was read before. */
function isBehind({ offset, message }: HistoryEntry, last: LastOfTopics): boolean {
  if (last.topic === undefined || last.offset === undefined) return false;
  return message.topic === last.topic ? offset <= last.offset : message.topic < last.topic;
}
