// HOT
import { DeliveryLedger } from './delivery-ledger.ts';
import { GeneratorLoad, type MeasuredLoad } from './generator-load.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadCounts, LoadOutcome, LoadPlan, LoadStream } from './load-outcome.ts';
import type { LoadClient, LoadObserver, MessageHead } from './load-client.ts';
import { pace, type PacerClock } from './pacer.ts';
import { PreciseClock } from './precise-clock.ts';
import { PoissonSchedule } from './poisson-schedule.ts';
import { Schedule } from './schedule.ts';
import { Publisher } from './publisher.ts';
import { Responder } from './responder.ts';
import type { BoardState, RunBoard } from './run-board.ts';
import { SecondSeries } from './second-series.ts';
import { machineClockOffsetMs, Stamp } from './stamp.ts';

/** Due messages that are handed to publishers before the network is looked at again. */
const DUE_PER_STEP_MAX = 10_000;
/** How much longer than planned a generator may try that cannot keep up. */
const OVERTIME_MS = 500;
const DRAIN_CHECK_MS = 20;
const REPORT_MS = 200;
const STALL_CHECK_MS = 1000;
const SECOND_MS = 1000;

/**
 * The messages of one run, from the first to what is still on its way after the last; in each worker those of its own clients. All clients are
 * connected.
 */
export class LoadRun implements LoadObserver, Disposable {
  readonly counts: LoadCounts = { sent: 0, acknowledged: 0, received: 0 };
  readonly #plan: LoadPlan;
  readonly #board: RunBoard;
  readonly #offsetMs = machineClockOffsetMs();
  readonly #publishers: Publisher[] = [];
  /** The same by their number in the run; undefined where another worker has them. */
  readonly #publisherAt: (Publisher | undefined)[] = [];
  readonly #publisherOf: Publisher[] = [];
  /** By stream, the number of a publisher that another worker has. */
  readonly #otherOf: number[] = [];
  #responder: Responder | null = null;
  #clock: PreciseClock | null = null;
  readonly #ledgers = new Map<LoadClient, DeliveryLedger>();
  readonly #outgoing = new Stamp();
  readonly #load = new GeneratorLoad();
  readonly #series: SecondSeries;
  readonly #service = new LatencyHistogram();
  readonly #scheduleDelay = new LatencyHistogram();
  readonly #reasonCodes = new Map<number, number>();
  readonly #finished = Promise.withResolvers<void>();
  #ready: Publisher[] = [];
  #isPumpDue = false;
  #schedule: Schedule | PoissonSchedule | null = null;
  #startMs = 0;
  #measureFromMs = Infinity;
  #isSending = true;
  #assigned = 0;
  #expected = 0;
  #heldBack = 0;
  /** Messages that are due by the end in an open loop. */
  #due = 0;
  /** Messages to send in a closed loop. */
  #share = 0;
  #lostConnections = 0;

  constructor(plan: LoadPlan, board: RunBoard) {
    this.#plan = plan;
    this.#board = board;
    this.#series = new SecondSeries(plan.keepsHistograms);
  }

  /** The next publisher of the run; without a client when another worker has it. */
  addPublisher(client: LoadClient | undefined, streams: readonly LoadStream[]): void {
    const publisher = client === undefined ? undefined : new Publisher(client, streams);
    const number = this.#publisherAt.push(publisher) - 1;
    for (const { id } of streams) this.#otherOf[id] = number;
    if (publisher === undefined) return;
    this.#publishers.push(publisher);
    for (const { id } of streams) this.#publisherOf[id] = publisher;
  }

  /** This client sends each message back to where its stream has its answers. */
  addResponder(client: LoadClient, headOfStream: readonly MessageHead[]): void {
    this.#responder = new Responder(client, headOfStream, this.#plan.qos);
  }

  /** Gets ready to start in time, once all clients are added. */
  async prepare(): Promise<void> {
    if (this.#plan.rate > 0 && this.#publishers.length > 0) this.#clock = await PreciseClock.open();
  }

  /** Runs to the end, or until `interrupted`. `startMs`: on the machine's clock, when it begins; all workers begin at the same time. */
  async untilEnd(interrupted: AbortSignal, startMs: number): Promise<LoadOutcome> {
    const { rate, rampMs, warmupMs } = this.#plan;
    interrupted.addEventListener('abort', () => this.#stopSending(), { once: true });
    this.#startMs = startMs - this.#offsetMs;
    this.#report('sending');
    const reports = setInterval(() => this.#report(this.#publishers.length === 0 ? 'done' : 'sending'), REPORT_MS);
    const measuring = this.#startMeasuring(rampMs + warmupMs);
    if (this.#publishers.length === 0) await this.#listen();
    else if (this.#clock === null) await this.#sendClosed();
    else await this.#sendOpen(rate, this.#clock, interrupted);
    const { before, fromMs } = measuring();
    clearInterval(reports);
    const elapsedMs = performance.now() - fromMs;
    const measured = {
      sent: this.counts.sent - before.sent,
      acknowledged: this.counts.acknowledged - before.acknowledged,
      received: this.counts.received - before.received,
      elapsedMs,
    };
    const load = this.#load.stop();
    await this.#drain(interrupted);
    return this.#outcome(measured, load, interrupted.aborted);
  }

  [Symbol.dispose](): void {
    this.#clock?.[Symbol.dispose]();
  }

  #outcome(measured: LoadOutcome['measured'], load: MeasuredLoad, isInterrupted: boolean): LoadOutcome {
    const { latency, acknowledgement, seconds, rest } = this.#series.end(this.counts);
    // Whoever interrupts a run, or ends its connections, leaves nothing due.
    const isWhole = !isInterrupted && !this.#board.isBroken;
    const due = this.#schedule !== null && isWhole ? this.#due : this.counts.sent;
    const ledgers = [...this.#ledgers.values()];
    return {
      total: { ...this.counts },
      measured,
      expected: this.#expected,
      duplicates: ledgers.reduce((sum, each) => sum + each.duplicates, 0),
      outOfOrder: ledgers.reduce((sum, each) => sum + each.outOfOrder, 0),
      heldBack: this.#heldBack,
      due,
      missed: due - this.counts.sent,
      lostConnections: this.#lostConnections,
      reasonCodes: this.#reasonCodes,
      latency: latency.encode(),
      service: this.#service.encode(),
      scheduleDelay: this.#scheduleDelay.encode(),
      acknowledgement: acknowledgement.encode(),
      seconds,
      rest,
      load,
    };
  }

  onMessage(client: LoadClient, stamp: Stamp): void {
    if (this.#responder?.client === client) {
      if (stamp.run === this.#plan.run) this.#responder.answer(stamp);
      return;
    }
    if (this.#plan.run !== 0 && stamp.run !== this.#plan.run) return;
    this.counts.received += 1;
    let ledger = this.#ledgers.get(client);
    if (ledger === undefined) this.#ledgers.set(client, (ledger = new DeliveryLedger()));
    ledger.note(this.#plan.run === 0 ? (stamp.run % 0x10_0000) * 0x1_0000_0000 + stamp.stream : stamp.stream, stamp.sequence);
    if (stamp.intendedMs - this.#offsetMs >= this.#measureFromMs) {
      const latencyMs = performance.now() + this.#offsetMs - stamp.intendedMs;
      this.#series.latency.record(latencyMs);
      this.#service.record(latencyMs - stamp.delayMs);
    }
    if (this.#plan.run === 0) {
      if (this.counts.received >= this.#plan.count) this.#finished.resolve();
      return;
    }
    const publisher = this.#publisherOf[stamp.stream];
    if (publisher !== undefined) {
      publisher.outstanding -= 1;
      if (this.#schedule === null) this.#makeReady(publisher);
    } else if (this.#plan.rate === 0) this.#board.noteDelivery(this.#otherOf[stamp.stream]);
  }

  onAcknowledged(client: LoadClient, intendedMs: number, reasonCode: number): void {
    // Answers are counted where they arrive.
    if (this.#responder?.client === client) return;
    this.counts.acknowledged += 1;
    if (reasonCode >= 0x80) this.#noteReason(reasonCode);
    if (intendedMs - this.#offsetMs >= this.#measureFromMs)
      this.#series.acknowledgement.record(performance.now() + this.#offsetMs - intendedMs);
    if (this.#schedule === null) this.onRoom(client);
  }

  onRoom(client: LoadClient): void {
    if (this.#responder?.client === client) return this.#responder.goOn();
    const publisher = this.#publisherAt[client.index];
    if (publisher?.client === client) this.#makeReady(publisher);
  }

  onLost(_client: LoadClient, reasonCode: number): void {
    this.#lostConnections += 1;
    this.#board.break();
    if (reasonCode >= 0) this.#noteReason(reasonCode);
  }

  #noteReason(reasonCode: number): void {
    this.#reasonCodes.set(reasonCode, (this.#reasonCodes.get(reasonCode) ?? 0) + 1);
  }

  /** Begins to measure after `delayMs`; returns what tells since when, and what had been counted then. */
  #startMeasuring(delayMs: number): () => { readonly before: LoadCounts; readonly fromMs: number } {
    // A message belongs to the time in which it was due, whether or not the timer comes in time.
    this.#measureFromMs = delayMs === 0 ? -Infinity : this.#startMs + delayMs;
    let started: { readonly before: LoadCounts; readonly fromMs: number } | null = null;
    let seconds: NodeJS.Timeout | undefined;
    const start = (): void => {
      this.#load.start();
      this.#series.start(this.counts);
      seconds = setInterval(() => this.#series.cut(this.counts), SECOND_MS);
      started = { before: { ...this.counts }, fromMs: performance.now() };
    };
    const restMs = this.#startMs + delayMs - performance.now();
    const timer = restMs <= 0 ? start() : setTimeout(start, restMs);
    return () => {
      clearTimeout(timer ?? undefined);
      if (started === null) start();
      clearInterval(seconds);
      return started!;
    };
  }

  async #sendOpen(rate: number, clock: PacerClock, interrupted: AbortSignal): Promise<void> {
    const { rampMs, warmupMs, durationMs, count } = this.#plan;
    const even = new Schedule(rate, rampMs);
    const schedule = this.#plan.poissonSeed === null ? even : new PoissonSchedule(even, this.#plan.poissonSeed);
    this.#schedule = schedule;
    const plannedMs = rampMs + warmupMs + durationMs;
    const total = Math.min(count, plannedMs === Infinity ? Infinity : schedule.countAt(plannedMs) - 1);
    const endMs = plannedMs === Infinity ? schedule.dueMs(total) : plannedMs;
    this.#due = this.#publisherAt.reduce(
      (sum, publisher, number) => sum + (publisher === undefined ? 0 : sharePart(total, number, this.#publisherAt.length)),
      0,
    );
    const step = (now: number): number | null => {
      const elapsedMs = now - this.#startMs;
      if (interrupted.aborted || this.#board.isBroken || elapsedMs > endMs + OVERTIME_MS) return null;
      this.#handOut(Math.min(total, schedule.countAt(elapsedMs), this.#assigned + DUE_PER_STEP_MAX));
      this.#pump();
      while (this.#assigned < total && this.#publisherOfMessage(this.#assigned) === undefined) this.#assigned += 1;
      return this.#assigned < total ? this.#startMs + schedule.dueMs(this.#assigned) : null;
    };
    await pace(clock, step);
  }

  /** Messages up to this one are due: those who send them owe them. */
  #handOut(until: number): void {
    for (; this.#assigned < until; this.#assigned += 1) {
      const publisher = this.#publisherOfMessage(this.#assigned);
      if (publisher === undefined) continue;
      publisher.owed += 1;
      this.#makeReady(publisher);
    }
  }

  /** In turn; undefined when another worker has it. */
  #publisherOfMessage(message: number): Publisher | undefined {
    return this.#publisherAt[message % this.#publisherAt.length];
  }

  async #sendClosed(): Promise<void> {
    const { rampMs, warmupMs, durationMs, count } = this.#plan;
    const delayMs = Math.max(0, this.#startMs - performance.now());
    await new Promise((resolve) => void setTimeout(resolve, delayMs));
    this.#publisherAt.forEach((publisher, number) => {
      if (publisher === undefined) return;
      publisher.owed = count === Infinity ? Infinity : sharePart(count, number, this.#publisherAt.length);
      this.#share += publisher.owed;
      this.#makeReady(publisher);
    });
    const end = durationMs === Infinity ? undefined : setTimeout(() => this.#stopSending(), rampMs + warmupMs + durationMs);
    const stalls = setInterval(() => this.#forgiveStalled(), STALL_CHECK_MS);
    const listening = this.#board.onDeliveries(() => this.#takeDeliveries());
    await this.#finished.promise;
    this.#board.stopListening();
    await listening;
    clearTimeout(end);
    clearInterval(stalls);
  }

  /** What has come to subscribers of other workers. */
  #takeDeliveries(): void {
    for (const publisher of this.#publishers) {
      const taken = this.#board.takeDeliveries(publisher.client.index);
      if (taken === 0) continue;
      publisher.outstanding -= taken;
      this.#makeReady(publisher);
    }
  }

  /** Only receives: until the time is over, enough has come, or nobody sends any more. */
  async #listen(): Promise<void> {
    const { rampMs, warmupMs, durationMs, count } = this.#plan;
    const isAlone = this.#publisherAt.length === 0;
    this.#report('done');
    const end = isAlone && durationMs !== Infinity ? setTimeout(() => this.#finished.resolve(), rampMs + warmupMs + durationMs) : undefined;
    const checks = setInterval(() => {
      this.#report('done');
      const { isAnySending, received } = this.#board.sums();
      if (this.#board.isBroken || (isAlone ? received >= count : !isAnySending)) this.#finished.resolve();
    }, DRAIN_CHECK_MS);
    await this.#finished.promise;
    clearTimeout(end);
    clearInterval(checks);
  }

  #stopSending(): void {
    this.#isSending = false;
    this.#finished.resolve();
  }

  /** In a closed loop a message that the broker has dropped would keep its place in the window for ever. */
  #forgiveStalled(): void {
    for (const publisher of this.#publishers) {
      const isStalled = publisher.outstanding > 0 && publisher.outstanding === publisher.outstandingBefore;
      if (isStalled) {
        publisher.outstanding = 0;
        this.#makeReady(publisher);
      }
      publisher.outstandingBefore = publisher.outstanding;
    }
    if (this.#board.isBroken) this.#stopSending();
  }

  #makeReady(publisher: Publisher): void {
    if (!publisher.isReady) {
      publisher.isReady = true;
      this.#ready.push(publisher);
    }
    if (this.#isPumpDue) return;
    // Never at once: what one client writes would mix with what another one is about to.
    this.#isPumpDue = true;
    setImmediate(() => this.#pump());
  }

  #pump(): void {
    this.#isPumpDue = false;
    const ready = this.#ready;
    this.#ready = [];
    for (const publisher of ready) {
      publisher.isReady = false;
      if (this.#isSending) this.#sendOwed(publisher);
    }
    if (this.#schedule === null && this.counts.sent >= this.#share) this.#stopSending();
  }

  #sendOwed(publisher: Publisher): void {
    const { client } = publisher;
    const now = performance.now();
    while (publisher.owed > 0 && this.#hasCredit(publisher) && client.canSend(this.#plan.qos)) this.#send(publisher, now);
    client.flush();
    if (publisher.owed === 0) {
      if (publisher.isHeld) publisher.heldUntilMs = now;
      publisher.isHeld = false;
      return;
    }
    // What filled the buffer has left it; another turn goes first.
    if (this.#hasCredit(publisher) && client.canSend(this.#plan.qos)) this.#makeReady(publisher);
    else publisher.isHeld = true;
  }

  #hasCredit(publisher: Publisher): boolean {
    return this.#schedule !== null || publisher.outstanding < this.#plan.window * publisher.copiesMax || publisher.copiesMax === 0;
  }

  #send(publisher: Publisher, now: number): void {
    const { streams, client } = publisher;
    const order = publisher.sent++;
    const stream = streams[order % streams.length];
    const dueMs = this.#schedule === null ? now : this.#startMs + this.#schedule.dueMs(client.index + order * this.#publisherAt.length);
    const delayMs = Math.max(0, now - dueMs);
    if (publisher.isHeld || dueMs < publisher.heldUntilMs) this.#heldBack += this.#schedule === null ? 0 : 1;
    else if (this.#schedule !== null && dueMs >= this.#measureFromMs) this.#scheduleDelay.record(delayMs);
    const stamp = this.#outgoing;
    stamp.run = this.#plan.run;
    stamp.stream = stream.id;
    stamp.sequence = Math.floor(order / streams.length);
    stamp.intendedMs = dueMs + this.#offsetMs;
    stamp.delayMs = delayMs;
    client.publish(stream.head, stamp);
    publisher.owed -= 1;
    publisher.outstanding += stream.copies;
    this.#expected += stream.copies;
    this.counts.sent += 1;
  }

  /** Waits for what is on its way, also between other workers, as long as something comes. What the broker has held back may be sent for `drainMs`. */
  async #drain(interrupted: AbortSignal): Promise<void> {
    const { drainMs } = this.#plan;
    let seen = -1;
    let sinceMs = performance.now();
    const sendingUntilMs = sinceMs + drainMs;
    for (;;) {
      this.#report(this.#hasUnfinished() ? 'waiting' : 'done');
      const { isBusy, isAnySending, expected, received, acknowledged } = this.#board.sums();
      const now = performance.now();
      if (isAnySending || received + acknowledged !== seen) sinceMs = now;
      seen = received + acknowledged;
      const isOver = !isBusy && received >= expected;
      if (isOver || now - sinceMs >= drainMs || this.#board.isBroken || interrupted.aborted) return;
      if (now > sendingUntilMs) this.#isSending = false;
      await new Promise((resolve) => void setTimeout(resolve, DRAIN_CHECK_MS));
    }
  }

  #hasUnfinished(): boolean {
    return this.#publishers.some(({ client, owed }) => client.inflight > 0 || (owed > 0 && this.#isSending && this.#schedule !== null));
  }

  #report(state: BoardState): void {
    this.#board.report(this.counts, this.#expected, state);
  }
}

/** How many of so many things, dealt out in turn, the one with this number gets. */
function sharePart(things: number, number: number, among: number): number {
  return Math.max(0, Math.ceil((things - number) / among));
}
