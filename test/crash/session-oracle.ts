import { Problems } from './problems.ts';

/** What Session Present has to say. */
export type Presence = 'present' | 'absent' | 'either';

/** What clocks of two processes and the time of an event that is only known by an interval may differ by. */
const SLACK_MS = 750;

/** Knows of one client's session whether it must be there. Times are milliseconds of one clock, given by the caller. */
export class SessionOracle {
  readonly problems: Problems;
  readonly #client: string;
  readonly #expiryMs: number;
  #expected: Presence = 'absent';
  /** When the connection ended, at the earliest and at the latest; Infinity while that is not known. */
  #endedFromMs = 0;
  #endedToMs = Infinity;

  /** `expiryMs` is Infinity for a session that lives until it is discarded. */
  constructor(client: string, expiryMs: number, problems: Problems = new Problems()) {
    this.#client = client;
    this.#expiryMs = expiryMs;
    this.problems = problems;
  }

  /** A CONNECT goes out: whether it is carried out is open until CONNACK comes. */
  connecting(nowMs: number): void {
    if (this.expected(nowMs) !== 'present') this.#expected = 'either';
  }

  /** CONNACK came: judges it. False when it is wrong. */
  connected(isPresent: boolean, nowMs: number): boolean {
    const expected = this.expected(nowMs);
    const isRight = expected === 'either' || isPresent === (expected === 'present');
    if (!isRight) {
      this.problems.add('session', `${this.#client}: session present is ${Number(isPresent)}, the session must be ${expected}`);
    }
    this.#expected = 'present';
    this.#endedFromMs = Infinity;
    this.#endedToMs = Infinity;
    return isRight;
  }

  /** The connection ended at `fromMs` at the earliest; the broker knows of it at `toMs` at the latest, Infinity: not yet. */
  disconnected(fromMs: number, toMs: number): void {
    this.#endedFromMs = Math.min(this.#endedFromMs, fromMs);
    this.#endedToMs = toMs;
  }

  /** What a CONNECT that is answered now must find. */
  expected(nowMs: number): Presence {
    if (this.#expected !== 'present') return this.#expected;
    if (nowMs < this.#endedFromMs + this.#expiryMs - SLACK_MS) return 'present';
    return nowMs > this.#endedToMs + this.#expiryMs + SLACK_MS ? 'absent' : 'either';
  }
}
