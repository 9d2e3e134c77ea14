// HOT
import type { LoadCounts } from './load-outcome.ts';

/** Where one worker sits among those that do one run together. */
export interface Seat {
  readonly index: number;
  readonly workers: number;
  /** `boardMemory`. */
  readonly memory: SharedArrayBuffer;
}

/** What all workers have done together. */
export interface BoardSums extends Readonly<LoadCounts> {
  /** Of somebody, messages are due or unacknowledged, or somebody is still sending. */
  readonly isBusy: boolean;
  readonly isAnySending: boolean;
  readonly expected: number;
}

/** Sending; having sent, with something on its way; done. */
export type BoardState = 'sending' | 'waiting' | 'done';

const STATES: readonly BoardState[] = ['sending', 'waiting', 'done'];
const FIGURES = 4;
const [SENT, ACKNOWLEDGED, RECEIVED, EXPECTED] = [0, 1, 2, 3];

/** For the boards of all workers of a run: figures, a state and a bell of each, a flag, and deliveries of each publisher. */
export function boardMemory(workers: number, publishers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * FIGURES * 8 + (1 + 2 * workers + publishers) * 4);
}

/**
 * What the workers of one run tell each other while it runs, in memory that they share: how far each is, so that all wait for what is on its
 * way between them, and, for a closed loop, which messages have arrived at somebody else's subscriber. A worker alone uses it too.
 */
export class RunBoard {
  readonly #seat: Seat;
  readonly #figures: Float64Array<SharedArrayBuffer>;
  readonly #broken: Int32Array<SharedArrayBuffer>;
  readonly #states: Int32Array<SharedArrayBuffer>;
  readonly #bells: Int32Array<SharedArrayBuffer>;
  readonly #deliveries: Int32Array<SharedArrayBuffer>;
  readonly #taken = new Map<number, number>();
  #isBellDue = false;
  #isListening = true;

  constructor(seat: Seat) {
    const { memory, workers } = seat;
    this.#seat = seat;
    this.#figures = new Float64Array(memory, 0, workers * FIGURES);
    const numbers = (from: number, length?: number): Int32Array<SharedArrayBuffer> =>
      new Int32Array(memory, workers * FIGURES * 8 + from * 4, length);
    this.#broken = numbers(0, 1);
    this.#states = numbers(1, workers);
    this.#bells = numbers(1 + workers, workers);
    this.#deliveries = numbers(1 + 2 * workers);
  }

  /** Whether a connection was lost somewhere: the run is over for all. */
  get isBroken(): boolean {
    return Atomics.load(this.#broken, 0) !== 0;
  }

  break(): void {
    Atomics.store(this.#broken, 0, 1);
  }

  /** Says how far this worker is. */
  report({ sent, acknowledged, received }: Readonly<LoadCounts>, expected: number, state: BoardState): void {
    const at = this.#seat.index * FIGURES;
    this.#figures[at + SENT] = sent;
    this.#figures[at + ACKNOWLEDGED] = acknowledged;
    this.#figures[at + RECEIVED] = received;
    this.#figures[at + EXPECTED] = expected;
    // ORDER: after the figures, so that who reads the state finds those that belong to it.
    Atomics.store(this.#states, this.#seat.index, STATES.indexOf(state));
  }

  sums(): BoardSums {
    const sum = (figure: number): number => {
      let total = 0;
      for (let at = figure; at < this.#figures.length; at += FIGURES) total += this.#figures[at];
      return total;
    };
    let [isBusy, isAnySending] = [false, false];
    for (let worker = 0; worker < this.#seat.workers; worker += 1) {
      const state = STATES[Atomics.load(this.#states, worker)];
      isBusy ||= state !== 'done';
      isAnySending ||= state === 'sending';
    }
    return { isBusy, isAnySending, sent: sum(SENT), acknowledged: sum(ACKNOWLEDGED), received: sum(RECEIVED), expected: sum(EXPECTED) };
  }

  /** A message of another worker's publisher has arrived here. */
  noteDelivery(publisher: number): void {
    Atomics.add(this.#deliveries, publisher, 1);
    if (this.#isBellDue) return;
    this.#isBellDue = true;
    setImmediate(() => this.#ring());
  }

  /** How many messages of this publisher have arrived elsewhere since the last time. */
  takeDeliveries(publisher: number): number {
    const now = Atomics.load(this.#deliveries, publisher);
    const before = this.#taken.get(publisher) ?? 0;
    this.#taken.set(publisher, now);
    // The count wraps around.
    return (now - before) | 0;
  }

  /** Calls back, until `stopListening`, when something may have arrived elsewhere. */
  async onDeliveries(callback: () => void): Promise<void> {
    const { index } = this.#seat;
    while (this.#isListening) {
      const heard = Atomics.load(this.#bells, index);
      callback();
      const waiting = Atomics.waitAsync(this.#bells, index, heard);
      if (waiting.async) await waiting.value;
    }
  }

  stopListening(): void {
    this.#isListening = false;
    Atomics.add(this.#bells, this.#seat.index, 1);
    Atomics.notify(this.#bells, this.#seat.index);
  }

  #ring(): void {
    this.#isBellDue = false;
    for (let worker = 0; worker < this.#seat.workers; worker += 1) {
      if (worker === this.#seat.index) continue;
      Atomics.add(this.#bells, worker, 1);
      Atomics.notify(this.#bells, worker);
    }
  }
}
