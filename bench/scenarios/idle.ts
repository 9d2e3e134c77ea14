import { setTimeout as delay } from 'node:timers/promises';
import { type ContenderName, startContender } from '#root/bench/contender.ts';
import { Crowd } from './crowd.ts';
import type { Scenario } from './scenario.ts';

const CONNECTIONS = 15_000;
const IDLE_MS = 10_000;
const SETTLE_MS = 3000;

/** What a connection with one subscription costs while nothing happens. */
export const idle: Scenario = {
  title: `idle: ${CONNECTIONS.toLocaleString('en')} connections with one subscription each`,
  async measure() {
    const rows = [];
    for (const name of ['wrenmq', 'mosquitto', 'ceiling'] as const) rows.push(await measureOne(name));
    const columns = [
      '',
      'KB per connection',
      'KB per connection, garbage collected',
      'CPU with none, %',
      `CPU with all, %`,
      'memory before, MB',
    ];
    return { columns, rows };
  },
};

async function measureOne(name: ContenderName): Promise<(string | number)[]> {
  await using broker = await startContender(name);
  await delay(SETTLE_MS);
  const cpuAlone = await cpuPercent(broker);
  const before = broker.residentBytes();
  await broker.collect();
  const beforeCollected = broker.residentBytes();
  await using crowd = await Crowd.gather(broker, { count: CONNECTIONS, parallel: 200 });
  if (crowd.result.failed > 0) throw new Error(`${crowd.result.failed} clients were not served: ${crowd.result.firstError}`);
  await delay(SETTLE_MS);
  const kilobytes = (bytes: number): string => (bytes / CONNECTIONS / 1000).toFixed(1);
  const asItIs = kilobytes(broker.residentBytes() - before);
  const cpu = await cpuPercent(broker);
  await broker.collect();
  const collected = kilobytes(broker.residentBytes() - beforeCollected);
  return [name, asItIs, collected, cpuAlone, cpu, Math.round(before / 1e6)];
}

async function cpuPercent(broker: { cpuSeconds(): number }): Promise<string> {
  const before = broker.cpuSeconds();
  await delay(IDLE_MS);
  return (((broker.cpuSeconds() - before) / IDLE_MS) * 1e5).toFixed(1);
}
