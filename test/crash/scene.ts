import { DeliveryOracle } from './delivery-oracle.ts';
import { Problems } from './problems.ts';
import { RetainedOracle } from './retained-oracle.ts';
import { WillOracle } from './will-oracle.ts';

/** What is kept of the history, in lines. */
const LINES_MAX = 400;

/** What all clients of a run share: the oracles, the dice and the history. */
export class Scene {
  readonly problems = new Problems();
  readonly deliveries = new DeliveryOracle(this.problems);
  readonly retained = new RetainedOracle(this.problems);
  readonly wills = new WillOracle(this.problems);
  readonly random: () => number;
  /** How long a new subscriber waits for retained messages that must be there. */
  readonly patienceMs: number;
  /** True from the moment at which the broker is told to end: a connection that ends then was ended by that. */
  isFalling = false;
  readonly #lines: string[] = [];
  readonly #startedAtMs = performance.now();

  constructor(random: () => number, patienceMs = 5000) {
    this.random = random;
    this.patienceMs = patienceMs;
  }

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  /** An integer in [from, to]. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)];
  }

  note(line: string): void {
    this.#lines.push(`${(this.nowMs / 1000).toFixed(3)} ${line}`);
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
  }

  get history(): string {
    return this.#lines.slice(-60).join('\n');
  }
}
