import { type GroupHouse, GroupQueue, laneOf } from './group-queue.ts';
import { readGroups } from './group-record.ts';

/** The queues of all durable groups that have ever had something to keep. */
export class GroupQueues {
  readonly #house: GroupHouse;
  readonly #byText = new Map<string, GroupQueue>();
  /** At start only. */
  #byNumber = new Map<number, GroupQueue>();
  #nextNumber = 0;

  constructor(house: GroupHouse) {
    this.#house = house;
  }

  [Symbol.iterator](): Iterator<GroupQueue> {
    return this.#byText.values();
  }

  get(text: string): GroupQueue | null {
    return this.#byText.get(text) ?? null;
  }

  open(text: string): GroupQueue {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const queue = new GroupQueue(this.#nextNumber++, text, false, this.#house);
    this.#byText.set(text, queue);
    return queue;
  }

  /** The group has no member any more. */
  close(queue: GroupQueue): void {
    this.#byText.delete(queue.text);
    void queue.dissolve();
  }

  /** At start, first: which groups are stored. */
  async load(): Promise<void> {
    for await (const { number, text } of readGroups(this.#house.store)) {
      const queue = new GroupQueue(number, text, true, this.#house);
      this.#byNumber.set(number, queue);
      this.#byText.set(text, queue);
      this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    }
  }

  /** At start: a record of a queue. False when no group owns it. */
  restoreChunk(number: number, sequence: number, record: Buffer): boolean {
    const place = laneOf(number);
    const queue = place === null ? undefined : this.#byNumber.get(place.group);
    if (place === null || queue === undefined) return false;
    queue.restoreChunk(place.lane, sequence, record);
    return true;
  }

  /** At start, last: who has no member left is closed, the others go on. */
  resume(): void {
    this.#byNumber = new Map();
    for (const queue of this.#byText.values()) {
      if (queue.isAttached) queue.pump();
      else this.close(queue);
    }
  }
}
