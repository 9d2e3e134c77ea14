import type { BenchPlan } from './bench-plan.ts';
import { connectLoad, type ConnectOutcome } from './connect-load.ts';
import type { Crowd } from './crowd.ts';
import type { LoadClient, LoadObserver } from './load-client.ts';
import { reconnectStorm, type StormClient } from './reconnect-storm.ts';
import { RunBoard, type Seat } from './run-board.ts';
import type { Slice, SliceOutcome } from './slice.ts';

interface Place {
  client: LoadClient;
  readonly attempt: Promise<unknown>;
}

/** Who is not served a minute after the cut is given up. */
const STORM_TIMEOUT_MS = 60_000;

const silent: LoadObserver = { onMessage() {}, onAcknowledged() {}, onRoom() {}, onLost() {} };

/** The connections of one worker. When there are more attempts than clients, the oldest connection makes room for the next. */
export class ConnectionSlice implements Slice {
  readonly #plan: BenchPlan;
  readonly #crowd: Crowd;
  readonly #seat: Seat;
  readonly #board: RunBoard;
  readonly #places: (Place | undefined)[] = [];
  #made = 0;

  constructor(plan: BenchPlan, crowd: Crowd, seat: Seat) {
    this.#plan = plan;
    this.#crowd = crowd;
    this.#seat = seat;
    this.#board = new RunBoard(seat);
  }

  connect(interrupted: AbortSignal): Promise<ConnectOutcome> {
    const { clients, rate, rampMs, window, count } = this.#plan;
    const { workers } = this.#seat;
    const places = this.#shareOf(clients);
    const attempts = this.#shareOf(count === Infinity ? clients : count);
    return connectLoad({ count: attempts, rate: rate / workers, rampMs, window: Math.ceil(window / workers), interrupted }, (order) =>
      this.#attempt(order, order % places),
    );
  }

  async load(interrupted: AbortSignal, startMs: number): Promise<SliceOutcome> {
    if (!this.#plan.hasStorm) return { messages: null, storm: null };
    const options = { window: Math.ceil(this.#plan.window / this.#seat.workers), timeoutMs: STORM_TIMEOUT_MS, interrupted, startMs };
    return { messages: null, storm: await reconnectStorm(await this.#stormClients(), options) };
  }

  disperse(): Promise<void> {
    return this.#crowd.disperse();
  }

  async #attempt(order: number, at: number): Promise<void> {
    const { isDurable } = this.#plan;
    const before = this.#places[at];
    const client = this.#crowd.create(this.#seat.index + order * this.#seat.workers, silent);
    const attempt = before === undefined ? this.#crowd.connect(client, isDurable) : this.#takePlace(before, client);
    this.#places[at] = { client, attempt };
    await attempt;
    this.#made += 1;
    this.#board.report({ sent: this.#made, acknowledged: 0, received: 0 }, 0, 'sending');
  }

  async #takePlace(before: Place, client: LoadClient): Promise<boolean> {
    // Who is still connecting holds the place until that has succeeded or failed.
    await before.attempt.catch(() => {});
    this.#crowd.leave(before.client);
    return this.#crowd.connect(client, this.#plan.isDurable);
  }

  /** Those who are connected. */
  async #stormClients(): Promise<StormClient[]> {
    const places = this.#places.filter((place) => place !== undefined);
    const attempts = await Promise.allSettled(places.map(({ attempt }) => attempt));
    return places.filter((_, at) => attempts[at].status === 'fulfilled').map((place) => this.#stormClient(place));
  }

  #stormClient(place: Place): StormClient {
    return {
      cut: () => this.#crowd.cut(place.client),
      comeBack: () => {
        place.client = this.#crowd.create(place.client.index, silent);
        return this.#crowd.connect(place.client, this.#plan.isDurable);
      },
    };
  }

  #shareOf(things: number): number {
    return Math.ceil((things - this.#seat.index) / this.#seat.workers);
  }
}
