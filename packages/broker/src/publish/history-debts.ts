import type { Message } from '#message/message.ts';
import type { Committer, Waiter } from '#store/committer.ts';
import type { Log } from '#store/log.ts';

/** Messages of one batch. */
interface Debt {
  readonly sequence: number;
  readonly messages: Message[];
}

/**
 * Messages that durable subscriptions are going to read from the history, until a crash cannot take them any more: the log writes
 * them with the open batch, and from then on the history holds the record until it has flushed the same.
 */
export class HistoryDebts implements Waiter {
  readonly #log: Log;
  readonly #committer: Committer;
  #debts: Debt[] = [];

  constructor(log: Log, committer: Committer) {
    this.#log = log;
    this.#committer = committer;
  }

  /** Called in the turn in which the message is kept, before that. */
  add(message: Message): void {
    this.#log.acquire(message);
    const { sequence } = this.#committer;
    const open = this.#debts.at(-1);
    if (open?.sequence === sequence) open.messages.push(message);
    else this.#debts.push({ sequence: this.#committer.whenDurable(this), messages: [message] });
  }

  /** What was refused with its batch was refused to its publisher, too. */
  onDurable(sequence: number): void {
    const settled = this.#debts.filter((debt) => debt.sequence <= sequence);
    this.#debts = this.#debts.filter((debt) => debt.sequence > sequence);
    for (const { messages } of settled) for (const message of messages) this.#log.release(message);
  }
}
