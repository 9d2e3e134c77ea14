import type { Message } from '#message/message.ts';

/** Far below the Receive Maximum that clients announce by default (1,024), so that answers to own calls always find a place. */
const unacknowledgedMax = 128;

interface Held {
  readonly message: Message;
  isDone: boolean;
}

/**
 * Calls are acknowledged when they are answered, so that a crash gives them to another responder. Acknowledgements leave in the order of
 * arrival: one slow call holds back all that came after it, and with them the broker. When too many are held, the oldest is acknowledged
 * although it still runs.
 */
export class AcknowledgeQueue {
  readonly #held: Held[] = [];

  /** @returns what tells that the message is done with. */
  add(message: Message): () => void {
    const held: Held = { message, isDone: false };
    this.#held.push(held);
    if (this.#held.length > unacknowledgedMax) this.#held[0].isDone = true;
    this.#release();
    return () => {
      held.isDone = true;
      this.#release();
    };
  }

  #release(): void {
    while (this.#held[0]?.isDone) this.#held.shift()!.message.ack();
  }
}
