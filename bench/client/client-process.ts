/**
 * `client-process.ts LIBRARY JOB PORT MS`: one library does one job in a process of its own and prints one line of JSON.
 *
 * - `publish-qos0`, `publish-qos1`: keeps a window full for so many milliseconds.
 * - `receive-qos0`, `receive-qos1`: prints `ready`, then counts what comes.
 * - `replay`: at SIGUSR2 publishes a backlog, says so, upon which the line is cut, and counts until all is acknowledged.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { QoS } from '@wrenmq/codec';
import { type ClientUnderTest, PAYLOAD_BYTES } from './client-under-test.ts';

const TOPIC = 'bench/client/speed';
const WINDOW = 1000;
const BACKLOG = 10_000;
const WARM_UP_MS = 500;
const REPLAY_MS_MAX = 30_000;

interface Count {
  readonly messages: number;
  readonly ms: number;
  readonly cpuMs: number;
}

const payload = Buffer.alloc(PAYLOAD_BYTES, 'x');

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** What `total` grows by within so many milliseconds, once it is warm. */
async function countFor(ms: number, total: () => number): Promise<Count> {
  await delay(WARM_UP_MS);
  const [begin, cpu, before] = [performance.now(), process.cpuUsage(), total()];
  await delay(ms);
  return { messages: total() - before, ms: performance.now() - begin, cpuMs: cpuMsSince(cpu) };
}

async function publishFor(client: ClientUnderTest, qos: QoS, ms: number): Promise<Count> {
  let done = 0;
  let isOver = false;
  const next = (): void => {
    done += 1;
    if (!isOver) client.publish(TOPIC, payload, qos, next);
  };
  for (let index = 0; index < WINDOW; index += 1) client.publish(TOPIC, payload, qos, next);
  const count = await countFor(ms, () => done);
  isOver = true;
  return count;
}

async function receiveFor(client: ClientUnderTest, qos: QoS, ms: number): Promise<Count> {
  let received = 0;
  await client.subscribe(TOPIC, qos, () => void (received += 1));
  console.log('ready');
  return countFor(ms, () => received);
}

async function replay(client: ClientUnderTest): Promise<Count> {
  // ORDER: the signal may come as soon as we are ready.
  const begin = once(process, 'SIGUSR2');
  console.log('ready');
  await begin;
  let acknowledged = 0;
  const all = new Promise<void>((resolve) => {
    const onDone = (): void => {
      acknowledged += 1;
      if (acknowledged === BACKLOG) resolve();
    };
    for (let index = 0; index < BACKLOG; index += 1) client.publish(TOPIC, payload, 1, onDone);
  });
  console.log('published');
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.race([all, delay(REPLAY_MS_MAX)]);
  return { messages: acknowledged, ms: performance.now() - from, cpuMs: cpuMsSince(cpu) };
}

const [library, job, port, ms] = process.argv.slice(2);
if (job.startsWith('publish')) console.log('publishing');
// Neither library is loaded while the other is measured.
async function createClient(): Promise<ClientUnderTest> {
  if (library === 'mqtt.js') return new (await import('./mqtt-js-under-test.ts')).MqttJsUnderTest();
  return new (await import('./wrenmq-under-test.ts')).WrenMQUnderTest();
}

const client = await createClient();
await client.connect(Number(port));
const [verb, level] = job.split('-qos');
const qos = Number(level ?? 1) as QoS;
const count =
  verb === 'publish'
    ? await publishFor(client, qos, Number(ms))
    : verb === 'receive'
      ? await receiveFor(client, qos, Number(ms))
      : await replay(client);
console.log(JSON.stringify(count));
process.exit(0);
