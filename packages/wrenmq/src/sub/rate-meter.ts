import type { Printable } from '#output/printable.ts';

/** What came since it was asked last, for `sub --message-rate`. */
export class RateMeter {
  readonly #isJson: boolean;
  #messages = 0;
  #bytes = 0;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  note({ payload, payloadBytes }: Printable): void {
    this.#messages += 1;
    this.#bytes += payloadBytes ?? payload.length;
  }

  /** A line about the time since the last one. */
  line(elapsedMs: number, now: Date): string {
    const perSecond = (count: number): number => Math.round((count * 1000) / Math.max(1, elapsedMs));
    const [messages, bytes] = [perSecond(this.#messages), perSecond(this.#bytes)];
    [this.#messages, this.#bytes] = [0, 0];
    if (this.#isJson) return JSON.stringify({ ts: now.toISOString(), messagesPerSecond: messages, payloadBytesPerSecond: bytes });
    return `${messages} messages/s  ${bytes} payload bytes/s`;
  }
}
