import { Interruption } from '#client/interruption.ts';
import { connectOptions } from '#connection/connect-options.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { RefusedError } from '#wire/connect-session.ts';
import { wireBroker } from '#wire/wire-broker.ts';
import { type BenchFlags, type BenchPlan, readPlan } from './bench-plan.ts';
import { type BenchResult, composeResult } from './bench-result.ts';
import { Crowd } from './crowd.ts';
import { renderResult } from './render-result.ts';
import { runConnections } from './run-connections.ts';
import { runMessages } from './run-messages.ts';
import { brokenThresholds } from './thresholds.ts';
import type { Scenario } from './topology.ts';
import { writeResult } from './write-result.ts';

/** `wrenmq bench <scenario>`: runs a load, and prints what it has measured. */
export async function bench(scenario: Scenario, flags: BenchFlags): Promise<void> {
  const plan = readPlan(scenario, flags);
  const broker = await wireBroker(await connectOptions(flags));
  const url = broker.target.url.href;
  const crowd = await Crowd.gather(broker, { payloadBytes: plan.payloadBytes, window: plan.window }).catch((error: Error) => {
    throw new CommandError(`wrenmq: ${url}: ${error.message}`, error instanceof RefusedError ? ExitCode.Refused : ExitCode.Unreachable);
  });
  using interruption = new Interruption();
  const result = await run(plan, crowd, interruption.signal, url);
  await writeResult(result, flags.out, flags.csv);
  console.log(plan.isJson ? JSON.stringify(result) : renderResult(result));
  if (interruption.exitCode !== ExitCode.Success)
    throw new CommandError('wrenmq: interrupted: what was measured until then', interruption.exitCode);
  if (!result.isValid) throw new CommandError(`wrenmq: INVALID: ${result.invalid.join('; ')}`, ExitCode.Threshold);
  const broken = brokenThresholds(plan.thresholds, result);
  if (broken.length > 0) throw new CommandError(broken.map((each) => `wrenmq: --fail-if ${each}`).join('\n'), ExitCode.Threshold);
  const { failed = 0, lostConnections = 0 } = result.counts;
  if (failed + lostConnections > 0)
    throw new CommandError(`wrenmq: ${failed} connections failed, ${lostConnections} were lost`, ExitCode.Failure);
}

async function run(plan: BenchPlan, crowd: Crowd, interrupted: AbortSignal, url: string): Promise<BenchResult> {
  try {
    const { connections, messages, load } =
      plan.scenario === 'conn' ? await runConnections(plan, crowd, interrupted) : await runMessages(plan, crowd, interrupted);
    return composeResult({ plan, url, version: crowd.version, connections, messages, load });
  } finally {
    await crowd.disperse();
  }
}
