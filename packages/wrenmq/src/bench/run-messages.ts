import { ReasonCode, reasonName } from '@wrenmq/codec';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { BenchPlan } from './bench-plan.ts';
import { connectLoad } from './connect-load.ts';
import type { Crowd } from './crowd.ts';
import { encodeHead, type LoadClient } from './load-client.ts';
import { LoadRun } from './load-run.ts';
import { ProgressLine } from './progress-line.ts';
import type { BenchRun } from './run-connections.ts';
import { planTopology, type PublisherPlan, type Topology } from './topology.ts';

/** pub and sub meet there when they run in two processes. */
const MEETING_PLACE = 'wrenmq-bench';

/** Connects everybody, subscribes, and sends. */
export async function runMessages(plan: BenchPlan, crowd: Crowd, interrupted: AbortSignal): Promise<BenchRun> {
  const { scenario, clients, topics, share } = plan;
  const isMeeting = scenario === 'pub' || scenario === 'sub';
  const prefix = plan.topicPrefix ?? (isMeeting ? MEETING_PLACE : `${MEETING_PLACE}/${crowd.run.toString(36)}`);
  const requests = scenario === 'rr' ? `${prefix}/request` : prefix;
  const topology = planTopology({ scenario, clients, topics, prefix: requests, share });
  const run = new LoadRun({ ...plan, run: scenario === 'sub' ? 0 : crowd.run });
  const crew = createCrew(topology, crowd, run);
  const connections = await connectLoad(
    { count: crew.length, rate: plan.connectRate, rampMs: 0, window: CONNECTING_MAX, interrupted },
    async (index) => {
      const isSubscriber = index >= topology.publishers.length || scenario === 'rr';
      await crowd.connect(crew[index], plan.isDurable && isSubscriber);
      const filters =
        index >= topology.publishers.length
          ? topology.subscribers[index - topology.publishers.length].filters
          : scenario === 'rr'
            ? [answerTopic(prefix, index)]
            : [];
      if (filters.length > 0) await subscribe(crew[index], filters, plan, crowd);
    },
  );
  refuseFailures(connections.failures);
  topology.publishers.forEach((publisher, index) => {
    const streams = publisher.streams.map(({ id, topic, copies }) => {
      const answers = scenario === 'rr' ? answerTopic(prefix, index) : undefined;
      return { id, copies, head: encodeHead(crowd.version, topic, plan.qos, plan.payloadBytes, answers) };
    });
    run.addPublisher(crew[index], streams);
  });
  if (scenario === 'rr') run.addResponder(crew.at(-1)!, answerHeads(topology.publishers, prefix, plan, crowd));
  const plannedMs = plan.rampMs + plan.warmupMs + plan.durationMs;
  const startMs = performance.now();
  const shareDone = (): number =>
    plannedMs === Infinity ? Math.max(run.counts.sent, run.counts.received) / plan.count : (performance.now() - startMs) / plannedMs;
  using _progress = new ProgressLine(plan.hasProgress, shareDone, () => run.counts);
  const messages = await run.untilEnd(interrupted);
  return { connections, messages, load: messages.load };
}

/** Connections under way at a time, when their rate is not limited. */
const CONNECTING_MAX = 100;

/** Publishers first: their index is that of their plan. */
function createCrew({ publishers, subscribers }: Topology, crowd: Crowd, run: LoadRun): LoadClient[] {
  return Array.from({ length: publishers.length + subscribers.length }, (_, index) => crowd.create(index, run));
}

async function subscribe(client: LoadClient, filters: readonly string[], plan: BenchPlan, crowd: Crowd): Promise<void> {
  const refusal = await client.subscribe(filters, plan.qos, crowd.broker.target.timeoutMs);
  if (refusal !== ReasonCode.Success) throw new Error(`the subscription to ${filters[0]} is refused: ${reasonName(refusal)}`);
}

function answerTopic(prefix: string, index: number): string {
  return `${prefix}/answer/${index}`;
}

function answerHeads(publishers: readonly PublisherPlan[], prefix: string, plan: BenchPlan, crowd: Crowd): ReturnType<typeof encodeHead>[] {
  return publishers.map((_, index) => encodeHead(crowd.version, answerTopic(prefix, index), plan.qos, plan.payloadBytes));
}

function refuseFailures(failures: ReadonlyMap<string, number>): void {
  if (failures.size === 0) return;
  const lines = [...failures].map(([message, count]) => `${count} x ${message}`);
  throw new CommandError(`wrenmq: not everybody could be connected: ${lines.join('; ')}`, ExitCode.Failure);
}
