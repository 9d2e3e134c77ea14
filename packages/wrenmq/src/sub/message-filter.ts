import { readNumber } from '#connection/read-value.ts';
import type { Printable } from '#output/printable.ts';
import type { SubFlags } from './sub-flags.ts';
import { topicMatches } from './topic-matches.ts';

/** What becomes of a message: 'end' ends the program, without printing it. */
export type Verdict = 'print' | 'skip' | 'end';

/** -R, --retained-only, -T and --random-filter. */
export class MessageFilter {
  readonly #isFreshOnly: boolean;
  readonly #isRetainedOnly: boolean;
  readonly #filtersOut: readonly string[];
  readonly #chance: number;

  constructor(flags: SubFlags) {
    this.#isFreshOnly = flags.retained === false;
    this.#isRetainedOnly = flags.retainedOnly === true;
    this.#filtersOut = flags.filterOut ?? [];
    this.#chance = (readNumber('--random-filter', flags.randomFilter, { min: 0.1, max: 100, fraction: true }) ?? 100) / 100;
  }

  judge({ topic, retain }: Printable): Verdict {
    if (this.#isRetainedOnly && !retain) return 'end';
    if (this.#isFreshOnly && retain) return 'skip';
    if (this.isFilteredOut(topic)) return 'skip';
    return 'print';
  }

  /** Whether it is one of those that --random-filter lets through. */
  isDrawn(): boolean {
    return this.#chance === 1 || Math.random() < this.#chance;
  }

  isFilteredOut(topic: string): boolean {
    return this.#filtersOut.some((filter) => topicMatches(filter, topic));
  }
}
