import { Deque } from '#base/deque.ts';
import type { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';

/** What waits until a step is durable, and its subject. */
export type Wait = 'put' | 'sent' | 'released' | 'received' | 'refused' | 'freed';

interface Batch {
  readonly ops: StoreOp[];
  readonly waits: Wait[];
  readonly subjects: object[];
}

/** What learns of a batch's end; `error` is undefined when it is durable. */
export type Settle = (wait: Wait, subject: object, error: MqttError | undefined) => void;

/**
 * Gathers the steps of a session into batches for the store and tells what waits for them. New messages, which a full store refuses, travel
 * in a batch of their own, so that nothing else is refused with them.
 */
export class Journal {
  readonly isDurable: boolean;
  readonly #hand: (ops: readonly StoreOp[]) => void;
  readonly #settle: Settle;
  readonly #pending = new Deque<Batch>();
  #steps = newBatch();
  #messages = newBatch();

  constructor(isDurable: boolean, hand: (ops: readonly StoreOp[]) => void, settle: Settle) {
    this.isDurable = isDurable;
    this.#hand = hand;
    this.#settle = settle;
  }

  /** The batch of new messages that is being gathered. */
  get messages(): object {
    return this.#messages;
  }

  /** A step that nothing waits for, or `wait` with `subject`. Void when the session is not durable; hot paths ask before they make a step. */
  add(op: StoreOp, wait?: Wait, subject?: object): void {
    if (this.isDurable) add(this.#steps, op, wait, subject);
  }

  /** A new message, or a step of one that is in the same batch. */
  addMessage(op: StoreOp, wait?: Wait, subject?: object): void {
    add(this.#messages, op, wait, subject);
  }

  flush(): void {
    const steps = this.#steps;
    const messages = this.#messages;
    if (steps.ops.length > 0) {
      this.#steps = newBatch();
      this.#pending.push(steps);
    }
    if (messages.ops.length > 0) {
      this.#messages = newBatch();
      this.#pending.push(messages);
    }
    if (steps.ops.length > 0) this.#hand(steps.ops);
    if (messages.ops.length > 0) this.#hand(messages.ops);
  }

  /** The oldest batch has ended. */
  settled(error: MqttError | undefined): void {
    const batch = this.#pending.shift();
    if (batch === undefined) return;
    for (let index = 0; index < batch.waits.length; index++) this.#settle(batch.waits[index], batch.subjects[index], error);
  }
}

function newBatch(): Batch {
  return { ops: [], waits: [], subjects: [] };
}

function add(batch: Batch, op: StoreOp, wait: Wait | undefined, subject: object | undefined): void {
  batch.ops.push(op);
  if (wait === undefined || subject === undefined) return;
  batch.waits.push(wait);
  batch.subjects.push(subject);
}
