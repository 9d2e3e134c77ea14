// HOT
import { Deque } from '#base/deque.ts';
import { EntryState } from './outbound-entry.ts';
import type { OutboundEntry } from './outbound-entry.ts';

/** Expired messages are searched for at most once in so many milliseconds. */
const searchPauseMs = 1_000;
const endedMin = 64;

/** Messages that have not been sent, in order. One that ends stays in its place until it is met, or until there are too many of them. */
export class OutboundQueue {
  length = 0;
  bytes = 0;
  readonly #entries = new Deque<OutboundEntry>();
  #ended = 0;
  #expiryDue = Infinity;
  #searched = 0;

  get first(): OutboundEntry | undefined {
    while (this.#ended > 0 && this.#entries.first?.state === EntryState.Ended) {
      this.#entries.shift();
      this.#ended--;
    }
    return this.#entries.first;
  }

  push(entry: OutboundEntry): void {
    this.#entries.push(entry);
    this.#note(entry);
  }

  unshift(entry: OutboundEntry): void {
    this.#entries.unshift(entry);
    this.#note(entry);
  }

  /** Takes the first one, which has not ended. */
  shift(): void {
    const entry = this.#entries.shift()!;
    this.length--;
    this.bytes -= entry.bytes;
  }

  /** It is about to end where it stands. */
  forget(entry: OutboundEntry): void {
    this.length--;
    this.bytes -= entry.bytes;
    this.#ended++;
    if (this.#ended < endedMin || this.#ended < this.length) return;
    this.#ended = 0;
    for (const each of this.#entries.drain()) if (each !== entry && each.state !== EntryState.Ended) this.#entries.push(each);
  }

  /** When `expired` is due; Infinity: never. */
  get expiryDue(): number {
    return Math.max(this.#expiryDue, this.#searched + searchPauseMs);
  }

  /** Those that nobody wants any more. */
  expired(now: number): OutboundEntry[] {
    const expired: OutboundEntry[] = [];
    if (now < this.expiryDue) return expired;
    this.#searched = now;
    this.#expiryDue = Infinity;
    for (let index = 0; index < this.#entries.length; index++) {
      const entry = this.#entries.at(index);
      const { expiresAt } = entry;
      if (expiresAt === undefined || entry.state === EntryState.Ended) continue;
      if (expiresAt <= now) expired.push(entry);
      else this.#expiryDue = Math.min(this.#expiryDue, expiresAt);
    }
    return expired;
  }

  #note(entry: OutboundEntry): void {
    this.length++;
    this.bytes += entry.bytes;
    if (entry.expiresAt !== undefined && entry.expiresAt < this.#expiryDue) this.#expiryDue = entry.expiresAt;
  }
}
