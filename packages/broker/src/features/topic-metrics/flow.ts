// HOT: add runs once per message of a metric
import type { QoS } from '#message/message.ts';

/** How often rates are brought up to date. */
export const TICK_MS = 5000;
/** What the slower rates average over. */
const MEDIUM_MS = 60_000;
const LONG_MS = 300_000;

/** Messages that went one way, and how fast. */
export interface FlowReading {
  readonly messages: number;
  readonly qos0: number;
  readonly qos1: number;
  readonly qos2: number;
  /** Of the payloads. */
  readonly bytes: number;
  /** Messages per second: over the last 5 s, and averaged over 1 and 5 minutes, where what is older weighs less. */
  readonly rate: { readonly last: number; readonly medium: number; readonly long: number };
}

/** Counts messages that go one way. */
export class Flow {
  #qos0 = 0;
  #qos1 = 0;
  #qos2 = 0;
  #bytes = 0;
  #counted = 0;
  #last = 0;
  #medium = 0;
  #long = 0;

  add(qos: QoS, bytes: number): void {
    if (qos === 0) this.#qos0 += 1;
    else if (qos === 1) this.#qos1 += 1;
    else this.#qos2 += 1;
    this.#bytes += bytes;
  }

  /** Another TICK_MS has gone by. */
  tick(): void {
    const messages = this.#qos0 + this.#qos1 + this.#qos2;
    this.#last = ((messages - this.#counted) * 1000) / TICK_MS;
    this.#counted = messages;
    this.#medium = approach(this.#medium, this.#last, MEDIUM_MS);
    this.#long = approach(this.#long, this.#last, LONG_MS);
  }

  get reading(): FlowReading {
    const [qos0, qos1, qos2] = [this.#qos0, this.#qos1, this.#qos2];
    const rate = { last: this.#last, medium: this.#medium, long: this.#long };
    return { messages: qos0 + qos1 + qos2, qos0, qos1, qos2, bytes: this.#bytes, rate };
  }
}

function approach(average: number, last: number, windowMs: number): number {
  return last + Math.exp(-TICK_MS / windowMs) * (average - last);
}
