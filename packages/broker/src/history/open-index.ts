// HOT

/** What a topic takes besides its name. */
const TOPIC_BYTES = 120;

/**
 * The index of a segment that is not sealed: for each record the one before it of the same topic, so that appending costs two numbers
 * and the last ones of a topic are found at once.
 */
export class OpenIndex {
  /** By number. */
  readonly topics: string[] = [];
  /** How many records there are; each is known by its ordinal, from 0. */
  count = 0;
  /** What the topics' names take, about. */
  topicBytes = 0;
  readonly #numbers = new Map<string, number>();
  /** By the topic's number: how many records it has, and 1 + the ordinal of the last. */
  #counts = new Uint32Array(256);
  #last = new Uint32Array(256);
  /** By ordinal: 1 + the ordinal of the record before, or 0. */
  #previous = new Uint32Array(4096);

  /** The topic's number; it gets one when it has none. */
  numberOf(topic: string): number {
    const known = this.#numbers.get(topic);
    if (known !== undefined) return known;
    const number = this.topics.push(topic) - 1;
    this.#numbers.set(topic, number);
    this.topicBytes += TOPIC_BYTES + topic.length;
    if (number === this.#last.length) {
      this.#last = grown(this.#last);
      this.#counts = grown(this.#counts);
    }
    return number;
  }

  /** Adds the next record. */
  add(topicNumber: number): void {
    const ordinal = this.count++;
    if (ordinal === this.#previous.length) this.#previous = grown(this.#previous);
    this.#previous[ordinal] = this.#last[topicNumber];
    this.#last[topicNumber] = ordinal + 1;
    this.#counts[topicNumber] += 1;
  }

  /** Leaves out ordinals whose records are not known. */
  skipTo(ordinal: number): void {
    while (this.#previous.length <= ordinal) this.#previous = grown(this.#previous);
    this.count = ordinal;
  }

  /** The topic's number, or -1 when it has none. */
  find(topic: string): number {
    return this.#numbers.get(topic) ?? -1;
  }

  countOf(topicNumber: number): number {
    return this.#counts[topicNumber];
  }

  /** The ordinals of a topic's records, ascending. */
  ordinalsOf(topicNumber: number): Uint32Array {
    const ordinals = new Uint32Array(this.#counts[topicNumber]);
    let at = ordinals.length;
    for (let next = this.#last[topicNumber]; next !== 0; next = this.#previous[next - 1]) ordinals[--at] = next - 1;
    return ordinals;
  }

  /** Of a topic by its name; none when it is not known. */
  ordinalsOfTopic(topic: string): Uint32Array {
    const number = this.find(topic);
    return number < 0 ? new Uint32Array(0) : this.ordinalsOf(number);
  }
}

function grown(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * numbers.length);
  larger.set(numbers);
  return larger;
}
