import { ReasonCode, reasonName } from '@wrenmq/codec';
import type { BenchPlan } from './bench-plan.ts';
import { connectLoad, type ConnectOutcome } from './connect-load.ts';
import type { Crowd } from './crowd.ts';
import { encodeHead, type LoadClient, type MessageHead } from './load-client.ts';
import { LoadRun } from './load-run.ts';
import { RunBoard, type Seat } from './run-board.ts';
import { seatOf } from './seat-of.ts';
import type { Slice, SliceOutcome } from './slice.ts';
import { planTopology, type Topology } from './topology.ts';

/** pub and sub meet there when they run in two processes. */
const MEETING_PLACE = 'wrenmq-bench';
/** Connections under way at a time, when their rate is not limited. */
const CONNECTING_MAX = 100;

/** The clients of one worker, which publish, subscribe and answer. */
export class MessageSlice implements Slice {
  readonly #plan: BenchPlan;
  readonly #crowd: Crowd;
  readonly #workers: number;
  readonly #prefix: string;
  readonly #topology: Topology;
  readonly #run: LoadRun;
  /** By their number in the run; those of other workers are missing. */
  readonly #crew: (LoadClient | undefined)[];

  constructor(plan: BenchPlan, crowd: Crowd, seat: Seat) {
    const { scenario, clients, topics, share } = plan;
    this.#plan = plan;
    this.#crowd = crowd;
    this.#workers = seat.workers;
    const isMeeting = scenario === 'pub' || scenario === 'sub';
    this.#prefix = plan.topicPrefix ?? (isMeeting ? MEETING_PLACE : `${MEETING_PLACE}/${crowd.run.toString(36)}`);
    const requests = scenario === 'rr' ? `${this.#prefix}/request` : this.#prefix;
    this.#topology = planTopology({ scenario, clients, topics, prefix: requests, share });
    this.#run = new LoadRun({ ...plan, run: scenario === 'sub' ? 0 : crowd.run }, new RunBoard(seat));
    const { publishers, subscribers } = this.#topology;
    // Publishers first: their index is that of their plan.
    this.#crew = Array.from({ length: publishers.length + subscribers.length }, (_, index) =>
      seatOf(this.#topology, index, seat.workers) === seat.index ? crowd.create(index, this.#run) : undefined,
    );
  }

  async connect(interrupted: AbortSignal): Promise<ConnectOutcome> {
    const members = this.#crew.filter((client) => client !== undefined);
    const rate = this.#plan.connectRate / this.#workers;
    const outcome = await connectLoad({ count: members.length, rate, rampMs: 0, window: CONNECTING_MAX, interrupted }, (index) =>
      this.#admit(members[index]),
    );
    this.#addPublishers();
    await this.#run.prepare();
    return outcome;
  }

  async load(interrupted: AbortSignal, startMs: number): Promise<SliceOutcome> {
    return { messages: await this.#run.untilEnd(interrupted, startMs), storm: null };
  }

  disperse(): Promise<void> {
    this.#run[Symbol.dispose]();
    return this.#crowd.disperse();
  }

  async #admit(client: LoadClient): Promise<void> {
    const filters = this.#filtersOf(client.index);
    await this.#crowd.connect(client, this.#plan.isDurable && filters.length > 0);
    if (filters.length === 0) return;
    const refusal = await client.subscribe(filters, this.#plan.qos, this.#crowd.broker.target.timeoutMs);
    if (refusal !== ReasonCode.Success) throw new Error(`the subscription to ${filters[0]} is refused: ${reasonName(refusal)}`);
  }

  #filtersOf(index: number): readonly string[] {
    const { publishers, subscribers } = this.#topology;
    if (index >= publishers.length) return subscribers[index - publishers.length].filters;
    return this.#plan.scenario === 'rr' ? [this.#answerTopic(index)] : [];
  }

  #addPublishers(): void {
    const { scenario, qos, payloadBytes } = this.#plan;
    const { version } = this.#crowd;
    const isAsking = scenario === 'rr';
    this.#topology.publishers.forEach((publisher, index) => {
      const streams = publisher.streams.map(({ id, topic, copies }) => {
        const answers = isAsking ? this.#answerTopic(index) : undefined;
        return { id, copies, head: encodeHead(version, topic, qos, payloadBytes, answers) };
      });
      this.#run.addPublisher(this.#crew[index], streams);
    });
    const responder = this.#crew.at(-1);
    if (isAsking && responder !== undefined) this.#run.addResponder(responder, this.#answerHeads());
  }

  #answerHeads(): MessageHead[] {
    const { qos, payloadBytes } = this.#plan;
    return this.#topology.publishers.map((_, index) => encodeHead(this.#crowd.version, this.#answerTopic(index), qos, payloadBytes));
  }

  #answerTopic(index: number): string {
    return `${this.#prefix}/answer/${index}`;
  }
}
