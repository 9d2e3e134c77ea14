import type { CallAnswer } from './incoming-call.ts';

interface Entry {
  readonly answer: Promise<CallAnswer | undefined>;
  readonly expiresAt: number;
  /** 0 until it is there. */
  bytes: number;
}

const entriesMax = 1024;
const bytesMax = 16 * 1024 * 1024;

/** The answers of the last minutes, so that a call that comes again, by QoS 1 or by its caller, runs once. The oldest go first. */
export class AnswerCache {
  readonly #windowMs: number;
  /** In the order in which they expire. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /**
   * The answer to this call, which `run` makes unless it has been made, or is being made. No answer is not kept, nor is that to a call
   * without a key.
   */
  async once(key: string | undefined, run: () => Promise<CallAnswer | undefined>): Promise<CallAnswer | undefined> {
    if (key === undefined || this.#windowMs <= 0) return run();
    this.#makeRoom();
    const known = this.#entries.get(key);
    if (known !== undefined) return known.answer;
    const entry: Entry = { answer: run(), expiresAt: Date.now() + this.#windowMs, bytes: 0 };
    this.#entries.set(key, entry);
    const answer = await entry.answer;
    if (this.#entries.get(key) !== entry) return answer;
    if (answer === undefined) this.#entries.delete(key);
    else this.#bytes += entry.bytes = answer.payload?.length ?? 0;
    return answer;
  }

  #makeRoom(): void {
    const now = Date.now();
    for (const [key, { expiresAt, bytes }] of this.#entries) {
      if (expiresAt > now && this.#entries.size < entriesMax && this.#bytes <= bytesMax) return;
      this.#entries.delete(key);
      this.#bytes -= bytes;
    }
  }
}
