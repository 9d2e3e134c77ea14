import { Problems } from './problems.ts';

interface Change {
  /** What the topic holds after it; null when it is cleared. */
  readonly value: string | null;
  isAcknowledged: boolean;
}

/** Knows what each topic may hold: what the last acknowledged change left, or what a later change asked for. */
export class RetainedOracle {
  readonly problems: Problems;
  readonly #topics = new Map<string, Change[]>();

  constructor(problems: Problems = new Problems()) {
    this.problems = problems;
  }

  get topics(): Iterable<string> {
    return this.#topics.keys();
  }

  /** A retained PUBLISH goes out for the first time. Changes of one topic are sent in their order. */
  sent(topic: string, value: string | null): void {
    const changes = this.#topics.get(topic);
    const change = { value, isAcknowledged: false };
    if (changes === undefined) this.#topics.set(topic, [{ value: null, isAcknowledged: true }, change]);
    else changes.push(change);
  }

  /** The oldest change to this value that was not acknowledged is. */
  acknowledged(topic: string, value: string | null): void {
    const changes = this.#topics.get(topic)!;
    const at = changes.findIndex((change) => !change.isAcknowledged && change.value === value);
    if (at === -1) return;
    changes[at].isAcknowledged = true;
    changes.splice(0, at);
  }

  /** True when the topic must hold something. */
  mustHold(topic: string): boolean {
    return this.#topics.get(topic)!.every(({ value }) => value !== null);
  }

  /** What a new subscriber got. */
  check(found: ReadonlyMap<string, string>): void {
    for (const [topic, changes] of this.#topics) {
      const value = found.get(topic) ?? null;
      if (changes.some((change) => change.value === value)) continue;
      const allowed = changes.map((change) => String(change.value)).join(' or ');
      this.problems.add('retained', `${topic} holds ${String(value).slice(0, 40)} instead of ${allowed.slice(0, 200)}`);
    }
    for (const topic of found.keys()) if (!this.#topics.has(topic)) this.problems.add('retained', `${topic} was never set`);
  }
}
