import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDirectory } from '@wrenmq/testkit';
import { type ContenderName, onAllCores, startContender } from '#root/bench/contender.ts';
import { Crowd } from './crowd.ts';
import type { Scenario } from './scenario.ts';

const SESSIONS = 100_000;
const READY_MS = 120_000;

/** Start with many durable sessions on disk, each with a subscription, none connected. */
export const durableSessions: Scenario = {
  title: `start with ${SESSIONS.toLocaleString('en')} durable sessions`,
  async measure() {
    const rows = [];
    for (const name of ['wrenmq', 'mosquitto'] as const) rows.push(await measureOne(name));
    const columns = [
      '',
      'start without sessions, ms',
      'after SIGTERM, ms',
      'after SIGKILL, ms',
      'memory then, MB',
      'sessions made per second',
    ];
    return { columns, rows };
  },
};

async function measureOne(name: ContenderName): Promise<(string | number)[]> {
  await using directory = await tempDirectory('wrenmq-bench-sessions-');
  const dataDirectory = join(directory.path, 'data');
  await mkdir(dataDirectory);
  const options = { dataDirectory, readyTimeoutMs: READY_MS };
  let perSecond = 0;
  const timed = async (use: (memoryMB: number, pid: Awaited<ReturnType<typeof startContender>>) => Promise<void>): Promise<number> => {
    const begin = performance.now();
    await using broker = await onAllCores(() => startContender(name, options));
    const ms = Math.round(performance.now() - begin);
    await use(Math.round(broker.residentBytes() / 1e6), broker);
    return ms;
  };
  const empty = await timed(async (_memory, broker) => {
    const made = { count: SESSIONS, parallel: 500, expiry: 3600, leaves: true, timeoutMs: 180_000 };
    await using crowd = await Crowd.gather(broker, made);
    if (crowd.result.failed > 0) throw new Error(`${crowd.result.failed} sessions could not be made: ${crowd.result.firstError}`);
    perSecond = Math.round((SESSIONS / crowd.result.ms) * 1000);
    await broker.end('SIGTERM');
  });
  let memory = 0;
  const afterTerm = await timed(async (memoryMB, broker) => {
    memory = memoryMB;
    await broker.end('SIGKILL');
  });
  // mosquitto has written nothing since: what it shows is the file of its last orderly end.
  const afterKill = await timed(async () => undefined);
  return [name, empty, afterTerm, afterKill, memory, perSecond];
}
