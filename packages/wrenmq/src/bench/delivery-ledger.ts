/**
 * What one subscriber has received: duplicates, and messages that came after a later one of the same stream. A late message counts as out
 * of order where one is missing, and as a duplicate where none is.
 */
export class DeliveryLedger {
  readonly #lastOf = new Map<number, number>();
  readonly #missingOf = new Map<number, number>();
  duplicates = 0;
  outOfOrder = 0;

  note(stream: number, sequence: number): void {
    // The first message that comes need not be the first that was sent: who shares a subscription gets some only.
    const last = this.#lastOf.get(stream) ?? sequence - 1;
    if (sequence > last) {
      this.#lastOf.set(stream, sequence);
      if (sequence > last + 1) this.#missingOf.set(stream, (this.#missingOf.get(stream) ?? 0) + sequence - last - 1);
      return;
    }
    const missing = this.#missingOf.get(stream) ?? 0;
    if (missing === 0) {
      this.duplicates += 1;
      return;
    }
    this.outOfOrder += 1;
    this.#missingOf.set(stream, missing - 1);
  }
}
