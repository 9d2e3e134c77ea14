import { Interruption } from '#client/interruption.ts';
import { type Connection, connectOptions } from '#connection/connect-options.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { RefusedError } from '#wire/connect-session.ts';
import { type WireBroker, wireBroker } from '#wire/wire-broker.ts';
import { type BenchFlags, type BenchPlan, readPlan } from './bench-plan.ts';
import { type BenchResult, composeResult } from './bench-result.ts';
import { brokerUse, scrape, type Scrape } from './broker-metrics.ts';
import { Crowd, identifyRun, type RunIdentity } from './crowd.ts';
import { ProgressLine } from './progress-line.ts';
import { renderResult } from './render-result.ts';
import { boardMemory, RunBoard } from './run-board.ts';
import { composeOutcome, type RunOutcome } from './run-outcome.ts';
import { createSlice, runHere, type Runner } from './runner.ts';
import { brokenThresholds } from './thresholds.ts';
import type { Scenario } from './topology.ts';
import { WorkerRunner, workerTask } from './worker-runner.ts';
import { writeHistograms, writeResult } from './write-result.ts';

/** `wrenmq bench <scenario>`: runs a load, and prints what it has measured. */
export async function bench(scenario: Scenario, flags: BenchFlags): Promise<void> {
  const plan = readPlan(scenario, flags);
  const connection = await connectOptions(flags);
  const broker = await wireBroker(connection);
  const url = broker.target.url.href;
  const identity = await identifyRun(broker).catch((error: Error) => {
    throw new CommandError(`wrenmq: ${url}: ${error.message}`, error instanceof RefusedError ? ExitCode.Refused : ExitCode.Unreachable);
  });
  using interruption = new Interruption();
  const memory = boardMemory(plan.workers, plan.clients);
  const runner = createRunner({ plan, connection, broker, identity, memory, interrupted: interruption.signal });
  const board = new RunBoard({ index: 0, workers: plan.workers, memory });
  const { outcome, use, complaint, startedAt } = await run(plan, runner, board, interruption);
  const result = composeResult({ plan, url, version: identity.version, outcome, broker: use });
  await writeResult(result, flags.out, flags.csv);
  if (flags.hlog !== undefined) await writeHistograms(flags.hlog, result, outcome, startedAt);
  console.log(plan.isJson ? JSON.stringify(result) : renderResult(result));
  judge(plan, result, interruption.exitCode);
  if (complaint !== null) throw complaint;
}

/** Ends with the exit code that a result deserves. */
function judge({ thresholds }: BenchPlan, result: BenchResult, interrupted: ExitCode): void {
  if (interrupted !== ExitCode.Success) throw new CommandError('wrenmq: interrupted: what was measured until then', interrupted);
  if (!result.isValid) throw new CommandError(`wrenmq: INVALID: ${result.invalid.join('; ')}`, ExitCode.Threshold);
  const broken = brokenThresholds(thresholds, result);
  if (broken.length > 0) throw new CommandError(broken.map((each) => `wrenmq: --fail-if ${each}`).join('\n'), ExitCode.Threshold);
  const { failed = 0, lostConnections = 0, unserved = 0 } = result.counts;
  if (failed + lostConnections + unserved === 0) return;
  const storm = unserved === 0 ? '' : `, ${unserved} did not come back`;
  throw new CommandError(`wrenmq: ${failed} connections failed, ${lostConnections} were lost${storm}`, ExitCode.Failure);
}

interface Means {
  readonly plan: BenchPlan;
  readonly connection: Connection;
  readonly broker: WireBroker;
  readonly identity: RunIdentity;
  readonly memory: SharedArrayBuffer;
  readonly interrupted: AbortSignal;
}

function createRunner({ plan, connection, broker, identity, memory, interrupted }: Means): Runner {
  const { workers, payloadBytes, window } = plan;
  if (workers === 1) {
    const crowd = new Crowd(broker, identity, { payloadBytes, window });
    return runHere(createSlice(plan, crowd, { index: 0, workers, memory }), interrupted);
  }
  const tasks = Array.from({ length: workers }, (_, index) => workerTask(plan, connection, identity, { index, workers, memory }));
  return new WorkerRunner(tasks, interrupted);
}

interface RunReport {
  readonly outcome: RunOutcome;
  readonly use: BenchResult['broker'];
  /** The broker did not tell what it had used. */
  readonly complaint: Error | null;
  /** When measuring began. */
  readonly startedAt: Date;
}

async function run(plan: BenchPlan, runner: Runner, board: RunBoard, interruption: Interruption): Promise<RunReport> {
  const isConnecting = plan.scenario === 'conn';
  using progress = new ProgressLine(plan.hasProgress, () => board.sums());
  try {
    // ORDER: first of all, so that a wrong address is not found when everybody is connected.
    const beforeAll = await metricsOf(plan);
    const beganAt = Date.now();
    if (isConnecting) progress.show(shareConnected(plan, board));
    const connections = await runner.connect();
    if (isConnecting) return await load(plan, runner, { connections, before: beforeAll, startedAt: new Date(beganAt) });
    refuseFailures(connections);
    if (interruption.signal.aborted) throw new CommandError('wrenmq: interrupted', interruption.exitCode);
    const before = await metricsOf(plan);
    progress.show(shareDone(plan, board));
    return await load(plan, runner, { connections, before, startedAt: new Date(Date.now() + plan.rampMs + plan.warmupMs) });
  } finally {
    await runner.disperse();
  }
}

interface Beginning {
  readonly connections: Awaited<ReturnType<Runner['connect']>>;
  readonly before: Scrape | null;
  readonly startedAt: Date;
}

async function load(plan: BenchPlan, runner: Runner, { connections, before, startedAt }: Beginning): Promise<RunReport> {
  const outcome = composeOutcome(connections, await runner.load());
  // What was measured is not thrown away because a broker that went away cannot be asked.
  const after = await metricsOf(plan).catch((error: Error) => error);
  if (after instanceof Error) return { outcome, use: null, complaint: after, startedAt };
  const { sent = 0, received = 0 } = outcome.messages?.total ?? {};
  const use = before === null || after === null ? null : brokerUse(before, after, sent + received);
  return { outcome, use, complaint: null, startedAt };
}

async function metricsOf({ metricsUrl }: BenchPlan): Promise<Scrape | null> {
  return metricsUrl === null ? null : scrape(new URL(metricsUrl), process.env['WRENMQ_METRICS_TOKEN']);
}

/** How far the load is, from 0 to 1. */
function shareDone({ rampMs, warmupMs, durationMs, count }: BenchPlan, board: RunBoard): () => number {
  const plannedMs = rampMs + warmupMs + durationMs;
  const startMs = performance.now();
  if (plannedMs !== Infinity) return () => (performance.now() - startMs) / plannedMs;
  return () => {
    const { sent, received } = board.sums();
    return Math.max(sent, received) / count;
  };
}

function shareConnected({ clients, count }: BenchPlan, board: RunBoard): () => number {
  return () => board.sums().sent / (count === Infinity ? clients : count);
}

function refuseFailures(connections: Awaited<ReturnType<Runner['connect']>>): void {
  const lines = connections.flatMap(({ failures }) => [...failures].map(([message, count]) => `${count} x ${message}`));
  if (lines.length === 0) return;
  throw new CommandError(`wrenmq: not everybody could be connected: ${lines.join('; ')}`, ExitCode.Failure);
}
