import { realSurroundings } from '#base/surroundings.ts';
import type { CallAnswer, IncomingCall } from './incoming-call.ts';

/** What ends a call before its method does, and how much of a stream its caller can take. */
export class RunningCall {
  readonly call: IncomingCall;
  /** Takes its time limit away. */
  end = (): void => {};
  /** Set once it is known that the method gives a stream. */
  isStream = false;
  /** The answer that takes the place of the method's, undefined: none is wanted. */
  readonly stopped: Promise<CallAnswer | undefined>;
  #stopped!: (answer: CallAnswer | undefined) => void;
  readonly #controller = new AbortController();
  #credit: number;
  #wake = (): void => {};

  constructor(call: IncomingCall, credit: number | undefined) {
    this.call = call;
    this.#credit = credit ?? Infinity;
    this.stopped = new Promise((resolve) => (this.#stopped = resolve));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops it with this answer when so many milliseconds have passed. */
  limit(delayMs: number, answer: CallAnswer | undefined): void {
    this.end = realSurroundings.after(delayMs, () => this.stop(answer));
  }

  stop(answer: CallAnswer | undefined): void {
    if (this.signal.aborted) return;
    this.end();
    this.#stopped(answer);
    this.#controller.abort();
    this.#wake();
  }

  /** So many items may be sent altogether. */
  grant(credit: number): void {
    this.#credit = Math.max(this.#credit, credit);
    this.#wake();
  }

  /** Waits until the next item may be sent, or the call is stopped. */
  async credited(sent: number): Promise<void> {
    while (sent >= this.#credit && !this.signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
