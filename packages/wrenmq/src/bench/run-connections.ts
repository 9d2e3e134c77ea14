import type { BenchPlan } from './bench-plan.ts';
import { connectLoad, type ConnectOutcome } from './connect-load.ts';
import type { Crowd } from './crowd.ts';
import { GeneratorLoad, type MeasuredLoad } from './generator-load.ts';
import type { LoadClient, LoadObserver } from './load-client.ts';
import type { LoadOutcome } from './load-outcome.ts';
import { ProgressLine } from './progress-line.ts';

export interface BenchRun {
  readonly connections: ConnectOutcome;
  /** Null when only connections were made. */
  readonly messages: LoadOutcome | null;
  readonly load: MeasuredLoad;
}

interface Place {
  readonly client: LoadClient;
  readonly attempt: Promise<void>;
}

const silent: LoadObserver = { onMessage() {}, onAcknowledged() {}, onRoom() {}, onLost() {} };

/** Connects at a rate. When there are more attempts than clients, the oldest connection makes room for the next. */
export async function runConnections(plan: BenchPlan, crowd: Crowd, interrupted: AbortSignal): Promise<BenchRun> {
  const { clients, rate, rampMs, window, isDurable } = plan;
  const count = plan.count === Infinity ? clients : plan.count;
  const places: (Place | undefined)[] = [];
  const takePlace = async (before: Place, client: LoadClient): Promise<void> => {
    // Who is still connecting holds the place until that has succeeded or failed.
    await before.attempt.catch(() => {});
    crowd.leave(before.client);
    await crowd.connect(client, isDurable);
  };
  const load = new GeneratorLoad();
  load.start();
  let made = 0;
  using _progress = new ProgressLine(
    plan.hasProgress,
    () => made / count,
    () => null,
  );
  const connections = await connectLoad({ count, rate, rampMs, window, interrupted }, async (index) => {
    const place = index % clients;
    const before = places[place];
    const client = crowd.create(index, silent);
    const attempt = before === undefined ? crowd.connect(client, isDurable) : takePlace(before, client);
    places[place] = { client, attempt };
    await attempt;
    made += 1;
  });
  return { connections, messages: null, load: load.stop() };
}
