// HOT
import type { DecisionKind } from './decision.ts';

/** An entry is six words of 32 bits: 24 bytes. */
const ENTRY_WORDS = 6;
export const ENTRY_BYTES = ENTRY_WORDS * 4;
/** Low half of the wall clock's milliseconds. */
const TIME = 0;
/** What it is about, three words: of a client and a topic 32 bits of the one and 64 of the other, mixed with the rest of the one. */
export const CLIENT = 1;
export const KEY_HIGH = 2;
export const KEY_LOW = 3;
/** Bits 0 to 4 the kind, 5 and 6 the QoS, 7 DUP, 8 RETAIN, 9 to 11 the step, 12 to 15 a small number, 16 to 31 a large one. */
export const FACTS = 4;
/** A count, how many milliseconds later, or where the name stands. */
export const DETAIL = 5;

export const STEP_SHIFT = 9;
export const STEP_MASK = 7 << STEP_SHIFT;
const SMALL_SHIFT = 12;
const NUMBER_SHIFT = 16;

/** What an entry says besides its key and its time. */
export interface EntryFacts {
  readonly kind: DecisionKind;
  readonly qos?: number;
  readonly isDuplicate?: boolean;
  readonly retain?: boolean;
  readonly step?: number;
  /** 0 to 15. */
  readonly small?: number;
  /** 0 to 65,535. */
  readonly number?: number;
}

/** An entry, read. */
export interface DecisionEntry extends Required<EntryFacts> {
  /** Its place in the order of what was decided, 0 for the oldest that is known. */
  readonly order: number;
  readonly atMs: number;
  readonly client: number;
  readonly keyHigh: number;
  readonly keyLow: number;
  readonly detail: number;
}

/** Packs what an entry says. */
export function packFacts({ kind, qos = 0, isDuplicate = false, retain = false, step = 0, small = 0, number = 0 }: EntryFacts): number {
  const flags = (isDuplicate ? 1 << 7 : 0) | (retain ? 1 << 8 : 0);
  return kind | (qos << 5) | flags | (step << STEP_SHIFT) | (small << SMALL_SHIFT) | (number << NUMBER_SHIFT);
}

/**
 * The last decisions, in one block of memory that never grows: each new entry overwrites the oldest one.
 */
export class DecisionRing {
  /** For those who count in their entry, or change it. */
  readonly words: Int32Array;
  /** Where the half ends that is being written. */
  #halfEnd: number;
  readonly #onHalf: () => void;
  #at = 0;
  #isFull = false;

  /** `entries`: how many it holds, 2 at least. `onHalf` is called when a half is full: of its entries none is overwritten before the next call. */
  constructor(entries: number, onHalf: () => void) {
    const even = entries - (entries % 2);
    this.words = new Int32Array(even * ENTRY_WORDS);
    this.#halfEnd = this.words.length / 2;
    this.#onHalf = onHalf;
  }

  get capacity(): number {
    return this.words.length / ENTRY_WORDS;
  }

  get size(): number {
    return this.#isFull ? this.capacity : this.#at / ENTRY_WORDS;
  }

  /** True when older decisions were overwritten. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Writes an entry and returns where it stands; the caller adds what it is about with `about`. */
  append(time: number, facts: number, detail: number): number {
    const { words } = this;
    const at = this.#at;
    words[at + TIME] = time;
    words[at + FACTS] = facts;
    words[at + DETAIL] = detail;
    this.#at = at + ENTRY_WORDS;
    if (this.#at === this.#halfEnd) this.#turnOver();
    return at;
  }

  about(at: number, client: number, keyHigh: number, keyLow: number): void {
    const { words } = this;
    words[at + CLIENT] = client;
    words[at + KEY_HIGH] = keyHigh;
    words[at + KEY_LOW] = keyLow;
  }

  clear(): void {
    this.#at = 0;
    this.#isFull = false;
    this.#halfEnd = this.words.length / 2;
  }

  /** How many milliseconds after its entry was made. */
  since(at: number, time: number): number {
    return (time - this.words[at + TIME]) | 0;
  }

  /** Every entry that `isWanted`, the oldest first. `nowMs`: wall clock, milliseconds. */
  read(nowMs: number, isWanted: (words: Int32Array, at: number) => boolean): DecisionEntry[] {
    const found: DecisionEntry[] = [];
    this.#walk(nowMs, (at, order, atMs) => {
      if (isWanted(this.words, at)) found.push(this.#entry(at, order, atMs));
    });
    return found.toReversed();
  }

  /** When the oldest entry was made; null when there is none. */
  oldestMs(nowMs: number): number | null {
    let oldest: number | null = null;
    this.#walk(nowMs, (_at, _order, atMs) => {
      oldest = atMs;
    });
    return oldest;
  }

  /** From the newest to the oldest, since only what lies between two entries is sure to fit the words. */
  #walk(nowMs: number, visit: (at: number, order: number, atMs: number) => void): void {
    const { words } = this;
    let atMs = nowMs;
    let time = lowWord(nowMs);
    let at = this.#at;
    for (let order = this.size - 1; order >= 0; order -= 1) {
      at = (at === 0 ? words.length : at) - ENTRY_WORDS;
      atMs -= (time - words[at + TIME]) | 0;
      time = words[at + TIME];
      visit(at, order, atMs);
    }
  }

  #entry(at: number, order: number, atMs: number): DecisionEntry {
    const { words } = this;
    const facts = words[at + FACTS];
    return {
      order,
      atMs,
      client: words[at + CLIENT],
      keyHigh: words[at + KEY_HIGH],
      keyLow: words[at + KEY_LOW],
      kind: (facts & 31) as DecisionKind,
      qos: (facts >> 5) & 3,
      isDuplicate: (facts & (1 << 7)) !== 0,
      retain: (facts & (1 << 8)) !== 0,
      step: (facts & STEP_MASK) >> STEP_SHIFT,
      small: (facts >>> SMALL_SHIFT) & 15,
      number: facts >>> NUMBER_SHIFT,
      detail: words[at + DETAIL],
    };
  }

  #turnOver(): void {
    const { length } = this.words;
    if (this.#at === length) {
      this.#at = 0;
      this.#isFull = true;
    }
    this.#halfEnd = this.#at === 0 ? length / 2 : length;
    this.#onHalf();
  }
}

/** The low half of a number of milliseconds. */
export function lowWord(ms: number): number {
  return ms | 0;
}
