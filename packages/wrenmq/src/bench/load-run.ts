// HOT
import { DeliveryLedger } from './delivery-ledger.ts';
import { GeneratorLoad } from './generator-load.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadCounts, LoadOutcome, LoadPlan, LoadStream } from './load-outcome.ts';
import type { LoadClient, LoadObserver, MessageHead } from './load-client.ts';
import { pace, type PacerClock } from './pacer.ts';
import { PreciseClock } from './precise-clock.ts';
import { PoissonSchedule } from './poisson-schedule.ts';
import { Schedule } from './schedule.ts';
import { SecondSeries } from './second-series.ts';
import { machineClockOffsetMs, Stamp } from './stamp.ts';

interface Replies {
  readonly headOfStream: readonly MessageHead[];
  readonly waiting: Stamp[];
}

class Publisher {
  readonly client: LoadClient;
  readonly streams: readonly LoadStream[];
  readonly copiesMax: number;
  sent = 0;
  /** Messages that are due and not sent. */
  owed = 0;
  /** Deliveries of sent messages that have not come. */
  outstanding = 0;
  outstandingBefore = 0;
  isHeld = false;
  heldUntilMs = 0;
  isReady = false;

  constructor(client: LoadClient, streams: readonly LoadStream[]) {
    this.client = client;
    this.streams = streams;
    this.copiesMax = Math.max(...streams.map(({ copies }) => copies));
  }
}

/** Due messages that are handed to publishers before the network is looked at again. */
const DUE_PER_STEP_MAX = 10_000;
/** How much longer than planned a generator may try that cannot keep up. */
const OVERTIME_MS = 500;
const DRAIN_CHECK_MS = 20;
const STALL_CHECK_MS = 1000;
const SECOND_MS = 1000;

/** The messages of one run, from the first to what is still on its way after the last. All clients are connected. */
export class LoadRun implements LoadObserver {
  readonly counts: LoadCounts = { sent: 0, acknowledged: 0, received: 0 };
  readonly #plan: LoadPlan;
  readonly #offsetMs = machineClockOffsetMs();
  readonly #publishers: Publisher[] = [];
  readonly #publisherOf: Publisher[] = [];
  readonly #replies = new Map<LoadClient, Replies>();
  readonly #ledgers = new Map<LoadClient, DeliveryLedger>();
  readonly #outgoing = new Stamp();
  readonly #load = new GeneratorLoad();
  readonly #series = new SecondSeries();
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
  #lostConnections = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
  }

  addPublisher(client: LoadClient, streams: readonly LoadStream[]): void {
    const publisher = new Publisher(client, streams);
    this.#publishers.push(publisher);
    for (const stream of streams) this.#publisherOf[stream.id] = publisher;
  }

  /** This client sends each message back to where its stream has its answers. */
  addResponder(client: LoadClient, headOfStream: readonly MessageHead[]): void {
    this.#replies.set(client, { headOfStream, waiting: [] });
  }

  /** Runs to the end, or until `interrupted`. */
  async untilEnd(interrupted: AbortSignal): Promise<LoadOutcome> {
    const { rate, rampMs, warmupMs } = this.#plan;
    interrupted.addEventListener('abort', () => this.#stopSending(), { once: true });
    using clock = rate > 0 && this.#publishers.length > 0 ? await PreciseClock.open() : null;
    this.#startMs = performance.now();
    const measuring = this.#startMeasuring(rampMs + warmupMs);
    if (this.#publishers.length === 0) await this.#listen();
    else if (clock === null) await this.#sendClosed();
    else await this.#sendOpen(rate, clock, interrupted);
    const { before, fromMs } = measuring();
    const elapsedMs = performance.now() - fromMs;
    const measured = {
      sent: this.counts.sent - before.sent,
      acknowledged: this.counts.acknowledged - before.acknowledged,
      received: this.counts.received - before.received,
      elapsedMs,
    };
    const load = this.#load.stop();
    if (!interrupted.aborted) await this.#drain();
    const { latency, acknowledgement } = this.#series.totals();
    // Whoever interrupts a run, or ends its connections, leaves nothing due.
    const isWhole = !interrupted.aborted && this.#lostConnections === 0;
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
      latency,
      service: this.#service,
      scheduleDelay: this.#scheduleDelay,
      acknowledgement,
      series: this.#series.seconds,
      load,
    };
  }

  onMessage(client: LoadClient, stamp: Stamp): void {
    const replies = this.#replies.get(client);
    if (replies !== undefined) {
      if (stamp.run === this.#plan.run) this.#reply(client, replies, stamp);
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
    const publisher = this.#plan.run === 0 ? undefined : this.#publisherOf[stamp.stream];
    if (publisher !== undefined) {
      publisher.outstanding -= 1;
      if (this.#schedule === null) this.#makeReady(publisher);
    } else if (this.counts.received >= this.#plan.count) this.#finished.resolve();
  }

  onAcknowledged(client: LoadClient, intendedMs: number, reasonCode: number): void {
    // Answers are counted where they arrive.
    if (this.#replies.has(client)) return;
    this.counts.acknowledged += 1;
    if (reasonCode >= 0x80) this.#noteReason(reasonCode);
    if (intendedMs - this.#offsetMs >= this.#measureFromMs)
      this.#series.acknowledgement.record(performance.now() + this.#offsetMs - intendedMs);
    if (this.#schedule === null) this.onRoom(client);
  }

  onRoom(client: LoadClient): void {
    const replies = this.#replies.get(client);
    if (replies !== undefined) {
      while (replies.waiting.length > 0 && client.canSend(this.#plan.qos)) {
        const stamp = replies.waiting.shift()!;
        client.publish(replies.headOfStream[stamp.stream], stamp);
      }
      client.flush();
      return;
    }
    const publisher = this.#publishers[client.index];
    if (publisher?.client === client) this.#makeReady(publisher);
  }

  onLost(_client: LoadClient, reasonCode: number): void {
    this.#lostConnections += 1;
    if (reasonCode >= 0) this.#noteReason(reasonCode);
  }

  /** A responder has a window too: what does not fit waits. There are no more of them than requests under way. */
  #reply(client: LoadClient, replies: Replies, stamp: Stamp): void {
    if (replies.waiting.length === 0 && client.canSend(this.#plan.qos)) client.publish(replies.headOfStream[stamp.stream], stamp);
    else replies.waiting.push(Object.assign(new Stamp(), stamp));
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
    const timer = delayMs === 0 ? start() : setTimeout(start, delayMs);
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
    this.#due = total;
    const step = (now: number): number | null => {
      const elapsedMs = now - this.#startMs;
      if (interrupted.aborted || this.#lostConnections > 0 || elapsedMs > endMs + OVERTIME_MS) return null;
      const due = Math.min(total, schedule.countAt(elapsedMs), this.#assigned + DUE_PER_STEP_MAX);
      for (; this.#assigned < due; this.#assigned += 1) {
        const publisher = this.#publishers[this.#assigned % this.#publishers.length];
        publisher.owed += 1;
        this.#makeReady(publisher);
      }
      this.#pump();
      return this.#assigned < total ? this.#startMs + schedule.dueMs(this.#assigned) : null;
    };
    await pace(clock, step);
  }

  async #sendClosed(): Promise<void> {
    const { rampMs, warmupMs, durationMs, count } = this.#plan;
    const share = count / this.#publishers.length;
    this.#publishers.forEach((publisher, index) => {
      publisher.owed = count === Infinity ? Infinity : Math.floor(share * (index + 1)) - Math.floor(share * index);
      this.#makeReady(publisher);
    });
    const end = durationMs === Infinity ? undefined : setTimeout(() => this.#stopSending(), rampMs + warmupMs + durationMs);
    const stalls = setInterval(() => this.#forgiveStalled(), STALL_CHECK_MS);
    await this.#finished.promise;
    clearTimeout(end);
    clearInterval(stalls);
  }

  /** Only receives: until the time is over, or enough has come. */
  async #listen(): Promise<void> {
    const { warmupMs, durationMs } = this.#plan;
    const end = durationMs === Infinity ? undefined : setTimeout(() => this.#finished.resolve(), warmupMs + durationMs);
    await this.#finished.promise;
    clearTimeout(end);
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
    if (this.#lostConnections > 0) this.#stopSending();
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
    if (this.#schedule === null && this.counts.sent >= this.#plan.count) this.#stopSending();
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
    const dueMs = this.#schedule === null ? now : this.#startMs + this.#schedule.dueMs(client.index + order * this.#publishers.length);
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

  /** Waits for what is on its way, as long as something comes. What the broker has held back may still be sent for `drainMs`. */
  async #drain(): Promise<void> {
    let seen = -1;
    let sinceMs = performance.now();
    const sendingUntilMs = sinceMs + this.#plan.drainMs;
    while (this.#isMissing() && performance.now() - sinceMs < this.#plan.drainMs && this.#lostConnections === 0) {
      if (performance.now() > sendingUntilMs) this.#isSending = false;
      const now = this.counts.received + this.counts.acknowledged;
      if (now !== seen) sinceMs = performance.now();
      seen = now;
      await new Promise((resolve) => void setTimeout(resolve, DRAIN_CHECK_MS));
    }
  }

  #isMissing(): boolean {
    if (this.#publishers.length === 0) return false;
    return (
      this.counts.received < this.#expected ||
      this.#publishers.some(({ client, owed }) => client.inflight > 0 || (owed > 0 && this.#isSending && this.#schedule !== null))
    );
  }
}
