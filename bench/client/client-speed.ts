import { join } from 'node:path';
import { LaunchedProcess } from '@wrenmq/testkit';
import { BROKER_CORE, LOAD_CORE, startContender } from '#root/bench/contender.ts';
import type { Scenario } from '#root/bench/scenarios/scenario.ts';
import { median } from '#root/bench/statistics.ts';
import { LatencyLine } from './latency-line.ts';

const LIBRARIES = ['wrenmq', 'mqtt.js'] as const;
type Library = (typeof LIBRARIES)[number];

const ROUNDS = 3;
const MS = 3000;
const ONE_WAY_MS = 10;
const TIMEOUT_MS = 90_000;
/** What the client is to reach. */
const TARGET = 5;

const JOBS: Readonly<Record<string, string>> = {
  'publish-qos0': 'publish, QoS 0',
  'publish-qos1': 'publish, QoS 1, window 1,000',
  'receive-qos0': 'receive, QoS 0',
  'receive-qos1': 'receive, QoS 1',
  replay: 'replay of 10,000 at QoS 1, 20 ms away',
};

interface Figures {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** The client library beside MQTT.js, on the same broker, in turn. */
export const clientSpeed: Scenario = {
  title: '@wrenmq/client beside MQTT.js, 64-byte payloads, thousand messages',
  async measure() {
    const rows = [];
    for (const job of Object.keys(JOBS)) rows.push(await measureJob(job));
    const columns = [
      '',
      ...LIBRARIES.flatMap((name) => [`${name}, per second`, `${name}, per CPU-second`]),
      'ratio',
      'ratio per CPU-second',
    ];
    return { columns: [...columns, `target: ${TARGET}`], rows };
  },
};

async function measureJob(job: string): Promise<(string | number)[]> {
  const figures: Record<Library, Figures[]> = { wrenmq: [], 'mqtt.js': [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const library of LIBRARIES) figures[library].push(await measureOnce(library, job));
  }
  const middle = (library: Library, key: keyof Figures): number => median(figures[library].map((figure) => figure[key]));
  const thousands = (value: number): string => (value / 1000).toFixed(value < 100_000 ? 1 : 0);
  const ratio = middle('wrenmq', 'perSecond') / middle('mqtt.js', 'perSecond');
  const cpuRatio = middle('wrenmq', 'perCpuSecond') / middle('mqtt.js', 'perCpuSecond');
  const cells = LIBRARIES.flatMap((library) => [thousands(middle(library, 'perSecond')), thousands(middle(library, 'perCpuSecond'))]);
  return [JOBS[job], ...cells, ratio.toFixed(1), cpuRatio.toFixed(1), Math.max(ratio, cpuRatio) >= TARGET ? 'reached' : '**not reached**'];
}

async function measureOnce(library: Library, job: string): Promise<Figures> {
  await using broker = await startContender('wrenmq', { settings: { 'session.inflightMax': '1000' } });
  await using line = await LatencyLine.open(broker.port, ONE_WAY_MS);
  const port = String(job === 'replay' ? line.port : broker.port);
  const client = await launch('client-process.ts', LOAD_CORE, [library, job, port, String(MS)], (text) => {
    // What was published is on no line and in no broker yet.
    if (text === 'published') line.cut();
    // A publisher is under way at once.
    return job.startsWith('publish') || text === 'ready';
  });
  const timer = setTimeout(() => void client.kill('SIGKILL'), TIMEOUT_MS);
  // Beside the broker: the client has its core for itself.
  const isFlooded = job.startsWith('receive');
  const flood = isFlooded ? await launch('flood-process.ts', BROKER_CORE, [String(broker.port), job.slice(-1)], () => true) : null;
  if (job === 'replay') {
    line.isStalled = true;
    client.signal('SIGUSR2');
  }
  await client.whenEnded;
  clearTimeout(timer);
  await flood?.kill('SIGKILL');
  const last = client.output.split('\n').findLast((text) => text.startsWith('{'));
  if (last === undefined) throw new Error(`${library}, ${job}: no result\n${client.output}`);
  const { messages, ms, cpuMs } = JSON.parse(last) as { messages: number; ms: number; cpuMs: number };
  return { perSecond: (messages / ms) * 1000, perCpuSecond: (messages / cpuMs) * 1000 };
}

function launch(script: string, core: number, args: readonly string[], isReady: (line: string) => boolean): Promise<LaunchedProcess> {
  const file = join(import.meta.dirname, script);
  return LaunchedProcess.launch({
    command: 'taskset',
    args: ['-c', String(core), process.execPath, '--conditions=@wrenmq/source', file, ...args],
    isReady,
    timeoutMs: 10_000,
  });
}
