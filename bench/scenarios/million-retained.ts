import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LaunchedProcess } from '@wrenmq/testkit';
import { type ContenderName, LOAD_CORE, startContender } from '#root/bench/contender.ts';
import { PingProbe } from './ping-probe.ts';
import { publishMany } from './publish-many.ts';
import type { Scenario } from './scenario.ts';

const MESSAGES = 1_000_000;
const PAYLOAD_BYTES = 64;
const READ_TIMEOUT_MS = 180_000;

/** A subscriber to everything gets every retained message there is. */
export const millionRetained: Scenario = {
  title: `${MESSAGES.toLocaleString('en')} retained messages of ${PAYLOAD_BYTES} bytes and a subscriber to \`#\``,
  async measure() {
    const rows = [];
    for (const name of ['wrenmq', 'mosquitto'] as const) rows.push(await measureOne(name));
    const columns = [
      '',
      'set per second',
      'memory of all, MB',
      'all read after, ms',
      'received',
      'memory grew meanwhile by at most, MB',
      'ping of another client, p99 ms',
      'max ms',
    ];
    return { columns, rows };
  },
};

async function measureOne(name: ContenderName): Promise<(string | number)[]> {
  await using broker = await startContender(name);
  await broker.collect();
  const empty = broker.residentBytes();
  const payload = Buffer.alloc(PAYLOAD_BYTES, 'x');
  const cost = await publishMany(broker, MESSAGES, (index) => ({
    topic: `site/${index % 1000}/device/${index}/temp`,
    payload,
    retain: true,
  }));
  await broker.collect();
  const before = broker.residentBytes();
  await using probe = await PingProbe.start(broker);
  let most = before;
  let isOver = false;
  const watch = async (): Promise<void> => {
    for (; !isOver; await delay(20)) most = Math.max(most, broker.residentBytes());
  };
  const watching = watch();
  const read = await readAll(broker.port);
  isOver = true;
  await watching;
  const ping = probe.stop();
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
  const set = Math.round((MESSAGES / cost.ms) * 1000);
  return [name, set, megabytes(before - empty), read.ms, read.received, megabytes(most - before), ping.p99Ms, ping.maxMs];
}

/** The subscriber has a process of its own, so that its work is not taken for the broker's delay. */
async function readAll(port: number): Promise<{ ms: number; received: number }> {
  let result: { ms: number; received: number } | null = null;
  const script = join(import.meta.dirname, 'read-all-process.ts');
  const reader = await LaunchedProcess.launch({
    command: 'taskset',
    args: ['-c', String(LOAD_CORE), process.execPath, '--conditions=@wrenmq/source', script, String(port), String(MESSAGES)],
    isReady: (line) => {
      if (line.startsWith('{')) result = JSON.parse(line) as { ms: number; received: number };
      return result !== null;
    },
    timeoutMs: READ_TIMEOUT_MS,
  });
  await reader.kill('SIGKILL');
  return result!;
}
