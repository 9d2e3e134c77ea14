/** When to send PINGREQ, and when the silence is too long. By timestamps: a timer that comes late does no harm. */
export class KeepAlive {
  /** Milliseconds between the last PINGREQ and its answer; -1 before the first. */
  rtt = -1;
  #isReading = true;
  #intervalMs = Infinity;
  #pingDue = Infinity;
  /** When the oldest PINGREQ without an answer left; undefined: there is none. */
  #asked: number | undefined = undefined;
  /** When something came. */
  #heard = 0;

  start(seconds: number, now: number): void {
    this.#intervalMs = seconds === 0 ? Infinity : seconds * 1_000;
    this.#pingDue = now + this.#intervalMs / 2;
    this.#asked = undefined;
    this.#heard = now;
    this.#isReading = true;
  }

  stop(): void {
    this.#pingDue = Infinity;
    this.#asked = undefined;
  }

  setReading(isReading: boolean, now: number): void {
    // What came meanwhile has not been read: the deadline starts anew.
    if (isReading && !this.#isReading) this.#heard = now;
    this.#isReading = isReading;
  }

  heard(now: number): void {
    this.#heard = now;
  }

  /** PINGRESP. */
  answered(now: number): void {
    if (this.#asked !== undefined) this.rtt = now - this.#asked;
    this.#asked = undefined;
  }

  /** Infinity: never. */
  get due(): number {
    return Math.min(this.#pingDue, this.#silenceEnd);
  }

  /** Whether PINGREQ is due. Half the interval: an answer can be late without the broker's thinking us dead. [MQTT-3.1.2-20] [MQTT311-3.1.2-23] */
  isPingDue(now: number): boolean {
    if (now < this.#pingDue) return false;
    this.#pingDue = now + this.#intervalMs / 2;
    this.#asked ??= now;
    return true;
  }

  /** Whether PINGRESP should have come. Anything that comes is a sign of life, and while nothing is read nothing can come. */
  isSilent(now: number): boolean {
    return now >= this.#silenceEnd;
  }

  get #silenceEnd(): number {
    return this.#asked !== undefined && this.#isReading ? Math.max(this.#asked, this.#heard) + this.#intervalMs : Infinity;
  }
}
