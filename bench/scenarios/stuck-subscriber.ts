import { setTimeout as delay } from 'node:timers/promises';
import { PacketType } from '@wrenmq/codec';
import { publishBytes, subscribeBytes } from '@wrenmq/testkit';
import { type Contender, type ContenderName, startContender } from '#root/bench/contender.ts';
import { percentile } from '#root/bench/statistics.ts';
import { RawClient } from './raw-client.ts';
import type { Scenario } from './scenario.ts';

const HEALTHY = 100;
/** Messages to all healthy subscribers, one every so often. */
const INTERVAL_MS = 5;
const PHASE_MS = 8000;
/** What goes to the one that will be stuck, besides: 20 MB/s. */
const FLOOD_BYTES = 100_000;

/** One subscriber stops reading while much is sent to it; the others must not notice. */
export const stuckSubscriber: Scenario = {
  title: `latency of ${HEALTHY} healthy subscribers while one stops reading`,
  async measure() {
    const rows = [];
    for (const name of ['wrenmq', 'mosquitto'] as const) rows.push(...(await measureOne(name)));
    const columns = ['', 'the one', 'p50, ms', 'p99, ms', 'max, ms', 'messages', 'memory grew by at most, MB'];
    return { columns, rows };
  },
};

async function measureOne(name: ContenderName): Promise<(string | number)[][]> {
  await using broker = await startContender(name);
  const times: number[] = [];
  const payload = Buffer.alloc(64);
  const clients = [];
  for (let index = 0; index < HEALTHY; index += 1) {
    const client = await subscriber(broker, `healthy-${index}`, 'stuck/all');
    client.onPacket = (first, bytes, _body, end) => {
      if (first >> 4 === PacketType.PUBLISH) times.push(performance.now() - bytes.readDoubleBE(end - payload.length));
    };
    clients.push(client);
  }
  const reader = await subscriber(broker, 'stuck', 'stuck/#');
  const publisher = await RawClient.connect(broker.port, 'publisher');
  const flood = publishBytes(4, { topic: 'stuck/flood', payload: Buffer.alloc(FLOOD_BYTES) });
  const timer = setInterval(() => {
    payload.writeDoubleBE(performance.now(), 0);
    publisher.send(publishBytes(4, { topic: 'stuck/all', payload }));
    publisher.send(flood);
  }, INTERVAL_MS);
  await delay(1000);
  const rows = [];
  for (const state of ['reads', 'is stuck']) {
    if (state === 'is stuck') reader.socket.pause();
    times.length = 0;
    const grown = await watchMemory(broker, PHASE_MS);
    const figures = [0.5, 0.99, 1].map((part) => percentile(times, part).toFixed(1));
    rows.push([name, state, ...figures, times.length, grown]);
  }
  clearInterval(timer);
  for (const client of [...clients, reader, publisher]) client.close();
  return rows;
}

/** How far memory rose above its first value within the time, MB. */
async function watchMemory(broker: Contender, ms: number): Promise<number> {
  const before = broker.residentBytes();
  let most = before;
  for (const end = performance.now() + ms; performance.now() < end; await delay(100)) most = Math.max(most, broker.residentBytes());
  return Math.round((most - before) / 1e6);
}

async function subscriber(broker: Contender, clientId: string, filter: string): Promise<RawClient> {
  const client = await RawClient.connect(broker.port, clientId);
  await client.request(subscribeBytes(4, 1, [{ filter }]), PacketType.SUBACK);
  return client;
}
