import type { Message } from '#message/message.ts';

/** Far below the Receive Maximum that clients announce by default (1,024), so that answers to own calls always find a place. */
const unacknowledgedMax = 128;

/**
 * Calls are acknowledged when they are answered, so that a crash gives them to another responder. Acknowledgements leave in the order of
 * arrival: one slow call holds back all that came after it, and with them the broker. When too many are held, the oldest is acknowledged
 * although it still runs.
 */
export class AcknowledgeQueue {
  readonly #held: Message[] = [];
  readonly #done = new Set<Message>();

  /** @returns what tells that the message is done with. */
  add(message: Message): () => void {
    if (this.#held.push(message) > unacknowledgedMax) this.#finish(this.#held[0]);
    return () => this.#finish(message);
  }

  #finish(message: Message): void {
    if (this.#held.includes(message)) this.#done.add(message);
    while (this.#done.delete(this.#held[0])) this.#held.shift()!.ack();
  }
}
