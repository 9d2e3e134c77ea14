import { type ContenderName, startContender } from '#root/bench/contender.ts';
import { Crowd } from './crowd.ts';
import { PingProbe } from './ping-probe.ts';
import type { Scenario } from './scenario.ts';

const CONNECTIONS = 10_000;

/** Every client connects at the same moment. */
export const connectBurst: Scenario = {
  title: `${CONNECTIONS.toLocaleString('en')} connects in a burst`,
  async measure() {
    const rows = [];
    for (const name of ['wrenmq', 'mosquitto'] as const) rows.push(await measureOne(name));
    return { columns: ['', 'served', 'failed', 'all served after, ms', 'p99, ms', 'ping of a client that was there, max ms'], rows };
  },
};

async function measureOne(name: ContenderName): Promise<(string | number)[]> {
  await using broker = await startContender(name);
  await using probe = await PingProbe.start(broker);
  await using crowd = await Crowd.gather(broker, { count: CONNECTIONS, subscribes: false });
  const { served, failed, ms, p99Ms } = crowd.result;
  return [name, served, failed, ms, p99Ms, probe.stop().maxMs];
}
