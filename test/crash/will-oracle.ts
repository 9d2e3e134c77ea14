import { Problems } from './problems.ts';

/** What must become of a will. `open`: both is allowed, or it is not decided yet. */
export type WillFate = 'open' | 'published' | 'deleted';

/** Knows which wills have to be published, once, and which must never be. */
export class WillOracle {
  readonly problems: Problems;
  readonly #fates = new Map<string, WillFate>();
  readonly #published = new Map<string, number>();

  constructor(problems: Problems = new Problems()) {
    this.problems = problems;
  }

  /** A CONNECT with the will goes out. */
  announced(will: string): void {
    this.#fates.set(will, 'open');
  }

  decided(will: string, fate: WillFate): void {
    this.#fates.set(will, fate);
  }

  published(will: string): void {
    if (!this.#fates.has(will)) {
      this.problems.add('will', `${will} was published and never announced`);
      return;
    }
    this.#published.set(will, (this.#published.get(will) ?? 0) + 1);
  }

  /** The wills that must be published and are not yet. */
  get missing(): string[] {
    return [...this.#fates].filter(([will, fate]) => fate === 'published' && !this.#published.has(will)).map(([will]) => will);
  }

  finish(): void {
    for (const will of this.missing) this.problems.add('will', `${will} was not published`);
    for (const [will, count] of this.#published) {
      if (count > 1) this.problems.add('will', `${will} was published ${count} times`);
      if (this.#fates.get(will) === 'deleted') this.problems.add('will', `${will} was published though it was deleted`);
    }
  }
}
