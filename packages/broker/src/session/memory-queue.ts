// HOT
import type { Delivery } from '#message/delivery.ts';

/** Entries at the front that are gone may waste so many places before the array is moved together. */
const GAP_MAX = 1024;
/** What a delivery and its message cost beside the message's own bytes: without it, empty messages would fill the memory. */
const ENTRY_BYTES = 400;

/** Deliveries that wait for a session without a stored form, first in, first out. */
export class MemoryQueue {
  #entries: (Delivery | undefined)[] = [];
  #front = 0;
  /** What the messages that wait cost, in bytes. */
  bytes = 0;

  get size(): number {
    return this.#entries.length - this.#front;
  }

  push(delivery: Delivery): void {
    delivery.message.hold();
    this.bytes += delivery.message.weight + ENTRY_BYTES;
    this.#entries.push(delivery);
  }

  next(): Delivery | null {
    if (this.#front === this.#entries.length) return null;
    const delivery = this.#entries[this.#front]!;
    this.#entries[this.#front] = undefined;
    this.#front += 1;
    this.bytes -= delivery.message.weight + ENTRY_BYTES;
    if (this.#front === this.#entries.length) this.#reset();
    else if (this.#front > GAP_MAX && this.#front * 2 > this.#entries.length) this.#close();
    return delivery;
  }

  #reset(): void {
    this.#entries = [];
    this.#front = 0;
  }

  #close(): void {
    this.#entries = this.#entries.slice(this.#front);
    this.#front = 0;
  }
}
