import type { Message } from '#message/message.ts';
import type { StoredRecord } from '#store/store.ts';
import { sequenceOfKey } from './history-record.ts';
import { isRecordExpired, messageOf, usernameOf } from './retained-record.ts';

/** A message of a topic, with the number of the change that retained it. */
export interface PastMessage {
  readonly message: Message;
  readonly username: string | null;
  readonly sequence: number;
}

/** Meets the records of a topic, the newest first, and finds out which of them count. */
export class HistoryWalk {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #wallMs: number;
  readonly #met = new Set<number>();
  readonly #past: PastMessage[] = [];
  #bytes = 0;
  #isOver: boolean;

  constructor(messagesMax: number, bytesMax: number, wallMs: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
    this.#wallMs = wallMs;
    this.#isOver = messagesMax === 0;
  }

  /** What counts, the oldest first. */
  get messages(): PastMessage[] {
    return this.#past.toReversed();
  }

  /** `passed`: expired, or met before. `over`: neither this one counts nor any that is older. */
  meet({ key, value }: StoredRecord): 'counts' | 'passed' | 'over' {
    // An empty value marks a clear.
    if (this.#isOver || value.length === 0) return this.#end();
    const sequence = sequenceOfKey(key);
    if (this.#met.has(sequence) || isRecordExpired(value, this.#wallMs)) return 'passed'; // [MQTT-3.3.2-5]
    if (this.#past.length === this.#messagesMax || this.#bytes + value.length > this.#bytesMax) return this.#end();
    this.#met.add(sequence);
    this.#bytes += value.length;
    const message = messageOf(value);
    this.#past.push({ message, username: usernameOf(value, message), sequence });
    return 'counts';
  }

  #end(): 'over' {
    this.#isOver = true;
    return 'over';
  }
}
