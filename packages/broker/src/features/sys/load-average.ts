const MINUTE_MS = 60_000;
/** The minutes over which mosquitto averages. */
const WINDOWS = [1, 5, 15] as const;

/** How much a counter grows in a minute, averaged over 1, 5 and 15 minutes: the older, the less it weighs. */
export class LoadAverage {
  readonly #topic: string;
  readonly #averages = WINDOWS.map(() => 0);
  #last: number;

  /** `count` is where the counter stands now. */
  constructor(topic: string, count: number) {
    this.#topic = topic;
    this.#last = count;
  }

  /** Takes in where the counter stands, `elapsedMs` (more than 0) after the last time. */
  take(count: number, elapsedMs: number): void {
    const perMinute = ((count - this.#last) * MINUTE_MS) / elapsedMs;
    this.#last = count;
    for (const [index, minutes] of WINDOWS.entries()) {
      const weight = Math.exp(-elapsedMs / (minutes * MINUTE_MS));
      this.#averages[index] = perMinute + weight * (this.#averages[index] - perMinute);
    }
  }

  /** Topic and value of each average, in mosquitto's form. */
  values(): [string, string][] {
    return WINDOWS.map((minutes, index) => [`${this.#topic}/${minutes}min`, this.#averages[index].toFixed(2)]);
  }
}
