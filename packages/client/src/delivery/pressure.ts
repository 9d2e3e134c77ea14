// HOT

/** How much waits for slow consumers, over all of them: says when the socket should be paused. */
export class Pressure {
  /** Messages that a full buffer has dropped. */
  dropped = 0;
  #bytes = 0;
  #fullBuffers = 0;
  #isHigh = false;
  readonly #bytesMax: number;
  readonly #onChange: () => void;

  constructor(bytesMax: number, onChange: () => void) {
    this.#bytesMax = bytesMax;
    this.#onChange = onChange;
  }

  get isHigh(): boolean {
    return this.#isHigh;
  }

  /** Even waiting is no choice any more. */
  get isOverflowing(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  addBytes(bytes: number): void {
    this.#bytes += bytes;
    this.#judge();
  }

  addFullBuffers(count: number): void {
    this.#fullBuffers += count;
    this.#judge();
  }

  #judge(): void {
    // It goes on at half, so that it does not flutter.
    const isHigh = this.#fullBuffers > 0 || this.#bytes > (this.#isHigh ? this.#bytesMax / 2 : this.#bytesMax);
    if (isHigh === this.#isHigh) return;
    this.#isHigh = isHigh;
    this.#onChange();
  }
}
