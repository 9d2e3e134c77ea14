import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { PacketType } from '@wrenmq/codec';
import { connectBytes, repository, subscribeBytes } from '@wrenmq/testkit';
import { type Contender, type ContenderName, startContender } from '#root/bench/contender.ts';
import { filterOf } from '#root/bench/filter-of.ts';
import { publishMany } from './publish-many.ts';
import { RawClient } from './raw-client.ts';
import type { Scenario } from './scenario.ts';

const CLIENTS = 20;
const PER_PACKET = 1000;
const MANY = 1_000_000;
const FEW = 20_000;
const PUBLISHES = 50_000;
const TRIE_TIMEOUT_MS = 120_000;

/** A tenth of the filters has a wildcard: memory, and what finding the receivers of a message costs. */
export const millionSubscriptions: Scenario = {
  title: `${MANY.toLocaleString('en')} subscriptions, 10 % with wildcards`,
  async measure() {
    const rows: (string | number)[][] = [trieAlone()];
    for (const name of ['wrenmq', 'mosquitto'] as const) for (const count of [FEW, MANY]) rows.push(await measureOne(name, count));
    const columns = [
      '',
      'subscriptions',
      'bytes each',
      'bytes each, garbage collected',
      'subscribed per second',
      'one publish',
      'deliveries per publish',
    ];
    return { columns, rows };
  },
};

/** The trie without a broker around it, as bench/micro/topic.ts measures it. */
function trieAlone(): (string | number)[] {
  const args = ['--expose-gc', '--conditions=@wrenmq/source', join(repository, 'bench', 'micro', 'topic.ts'), String(MANY)];
  const found = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: TRIE_TIMEOUT_MS })) as Record<string, number>;
  const perSecond = Math.round(1e9 / found['addNs']);
  const match = `match ${(found['matchNs'] / 1000).toFixed(2)} µs, no match ${(found['missNs'] / 1000).toFixed(2)} µs`;
  return ['trie alone', MANY, '', found['bytesPerSubscription'], perSecond, match, found['matchesPerTopic'].toFixed(2)];
}

async function measureOne(name: ContenderName, count: number): Promise<(string | number)[]> {
  await using broker = await startContender(name);
  await broker.collect();
  const before = broker.residentBytes();
  let received = 0;
  const begin = performance.now();
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, client) =>
      subscribeAll(broker, { client, count }, (first) => (received += first >> 4 === 3 ? 1 : 0)),
    ),
  );
  const perSecond = Math.round((count / (performance.now() - begin)) * 1000);
  const bytesEach = (): number => Math.round((broker.residentBytes() - before) / count);
  const bytes = bytesEach();
  await broker.collect();
  const collected = bytesEach();
  const payload = Buffer.alloc(64);
  // Topics far apart, each once: no cache knows them.
  const step = Math.floor(count / Math.min(count, PUBLISHES));
  const cost = await publishMany(broker, PUBLISHES, (index) => {
    const subscription = (index * step) % count;
    return { topic: `site/${subscription % 1000}/device/${subscription}/temp`, payload };
  });
  for (const client of clients) client.close();
  return [name, count, bytes, collected, perSecond, `${cost.cpuMicrosecondsEach} µs of CPU`, (received / PUBLISHES).toFixed(2)];
}

async function subscribeAll(
  broker: Contender,
  { client, count }: { client: number; count: number },
  onPacket: (first: number) => void,
): Promise<RawClient> {
  const raw = new RawClient(broker.port, onPacket);
  await raw.request(connectBytes(4, { clientId: `subscriber-${client}` }), PacketType.CONNACK);
  for (let index = client; index < count; index += CLIENTS * PER_PACKET) {
    const requests = [];
    for (let at = index; at < count && requests.length < PER_PACKET; at += CLIENTS) requests.push({ filter: filterOf(at) });
    await raw.request(subscribeBytes(4, 1, requests), PacketType.SUBACK);
  }
  return raw;
}
