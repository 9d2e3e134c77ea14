import type { Message } from '#message/message.ts';
import { matches } from '#topic/topic-filter.ts';

/**
 * Values that the house itself tells by topic, such as `$SYS`: a new subscription gets them like retained messages. They
 * live in memory only, since they are made anew whenever the broker starts, and would cost a write each time they change.
 */
export class KeptValues {
  readonly #messages = new Map<string, Message>();

  get size(): number {
    return this.#messages.size;
  }

  /** Keeps the message as its topic's value; one without a payload clears it. */
  set(message: Message): void {
    if (message.payloadBytes === 0) this.#messages.delete(message.topic);
    else this.#messages.set(message.topic, message.hold());
  }

  /** The values of all topics that a filter (without `$share`) matches, in the order in which they were first set. */
  matching(filter: string): Message[] {
    const found: Message[] = [];
    for (const message of this.#messages.values()) if (matches(filter, message.topic)) found.push(message);
    return found;
  }
}
