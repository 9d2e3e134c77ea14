/** What kind of promise is broken. */
export const problemKinds = ['lost', 'garbled', 'twice', 'order', 'qos', 'unsubscribed', 'session', 'retained', 'will', 'broker'] as const;
export type ProblemKind = (typeof problemKinds)[number];

/** So many problems are kept in words; the others are counted. */
const WORDS_MAX = 20;

/** What an oracle found. */
export class Problems {
  readonly words: string[] = [];
  readonly #counts = new Map<ProblemKind, number>();

  /** `weight`: how many messages it is about. */
  add(kind: ProblemKind, words: string, weight = 1): void {
    this.#counts.set(kind, this.of(kind) + weight);
    if (this.words.length < WORDS_MAX) this.words.push(`${kind}: ${words}`);
  }

  of(kind: ProblemKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  toString(): string {
    const counts = [...this.#counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
    return [counts === '' ? 'no problems' : counts, ...this.words].join('\n  ');
  }
}
