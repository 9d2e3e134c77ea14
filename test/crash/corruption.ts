import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Broker, createBroker, type Logger, OperationalError } from '@wrenmq/broker';
import { seededRandom } from '@wrenmq/testkit';
import { BrokerProcess } from './broker-process.ts';
import { LoadPublisher } from './load-publisher.ts';
import { LoadSubscriber } from './load-subscriber.ts';
import { MqttSession } from './mqtt-session.ts';
import { Scene } from './scene.ts';
import { SubscriptionWatch } from './subscription-watch.ts';

const SECTOR = 512;
const PAGE = 4096;
const MESSAGES = 400;
const RETAINED = 30;
/** Some times what the store takes to note how far it is (20 ms). */
const NOTED_MS = 250;
/** The last message that every subscriber gets, if it has its subscription still. */
const BARRIER = 'barrier';
/** How long a subscriber waits for the next message before it counts what is missing. */
const IDLE_MS = 400;

/** A broker's data as a run has left it, and what must be in it. */
export interface Original {
  readonly directory: string;
  /** The same data some hundred messages earlier. */
  readonly older: string;
  /** What each subscriber is owed: payloads by message id. */
  readonly owed: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
  readonly retained: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/** What became of a start on damaged data. */
export interface Outcome {
  readonly kind: 'intact' | 'named' | 'refused';
  /** What must not be: empty when all is well. */
  readonly faults: readonly string[];
}

/** Fills a broker with what two absent subscribers are owed, and ends it by SIGTERM or SIGKILL. */
export async function makeOriginal(seed: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<Original> {
  const root = await mkdtemp(join(tmpdir(), 'wrenmq-corruption-'));
  const broker = await BrokerProcess.start({ target: 'wrenmq', directory: root });
  if ((await broker.whenReady) !== 'ready') throw new Error(broker.output);
  const scene = new Scene(seededRandom(seed));
  const owed = new Map<string, Map<string, Buffer>>();
  for (const qos of [1, 2] as const) {
    const name = `away-${qos}`;
    owed.set(name, new Map());
    const subscriber = new LoadSubscriber(scene, { clientId: name, version: 5, expirySeconds: Infinity, filter: 'load/#', qos });
    await subscriber.join(broker.wire);
    subscriber.cut();
  }
  const publisher = new LoadPublisher(scene, {
    clientId: 'publisher',
    version: 5,
    expirySeconds: Infinity,
    window: 10,
    topics: ['load/publisher'],
    qualities: [1, 2],
    onMade: ({ id, payload }) => {
      for (const messages of owed.values()) messages.set(id, payload);
    },
  });
  await publisher.join(broker.wire);
  publisher.give(MESSAGES / 2);
  await publisher.whenQuiet();
  const retained = await retain(broker);
  await cp(join(root, 'data'), join(root, 'older'), { recursive: true });
  publisher.give(MESSAGES / 2);
  await publisher.whenQuiet();
  // Of commits in the last moments before a kill the manifest does not know: damage there looks like an unfinished commit.
  await delay(NOTED_MS);
  await broker.kill(signal);
  return {
    directory: join(root, 'data'),
    older: join(root, 'older'),
    owed,
    retained,
    close: () => rm(root, { recursive: true, force: true }),
  };
}

async function retain(broker: BrokerProcess): Promise<Map<string, string>> {
  const retained = new Map<string, string>();
  const finished = Promise.withResolvers<void>();
  let left = RETAINED;
  const onFinished = (): void => {
    left -= 1;
    if (left === 0) finished.resolve();
  };
  const events = { onMessage() {}, onSending() {}, onAcknowledged() {}, onRefused() {}, onClosed() {}, onFinished };
  const session = new MqttSession({ clientId: 'retainer', version: 5, expirySeconds: null }, events);
  await session.connect(broker.wire, true, () => {});
  for (let number = 0; number < RETAINED; number += 1) {
    const [topic, value] = [`retained/${number}`, `value ${number} ${'.'.repeat(number * 10)}`];
    retained.set(topic, value);
    session.publish({ key: topic, topic, payload: Buffer.from(value), qos: 1, retain: true });
  }
  await finished.promise;
  session.cut();
  return retained;
}

type Random = () => number;
type Damage = (directory: string, original: Original, random: Random) => Promise<string>;

/** The ways in which files go bad. */
export const damages: readonly Damage[] = [
  (directory, _, random) => change(directory, random, 'bit flipped', (bytes, at) => (bytes[at] ^= 1 << Math.floor(random() * 8))),
  (directory, _, random) =>
    change(directory, random, 'sector zeroed', (bytes, at) => bytes.subarray(at & -SECTOR, (at & -SECTOR) + SECTOR).fill(0)),
  (directory, _, random) =>
    change(directory, random, 'page zeroed', (bytes, at) => bytes.subarray(at & -PAGE, (at & -PAGE) + PAGE).fill(0)),
  (directory, _, random) =>
    change(directory, random, 'sector repeated', (bytes, at) => {
      const sector = at & -SECTOR;
      bytes.copy(bytes, sector, Math.max(sector - SECTOR, 0), sector);
    }),
  (directory, _, random) =>
    change(directory, random, 'sectors swapped', (bytes, at) => {
      const [one, other] = [at & -SECTOR, Math.floor((random() * usedBytes(bytes)) / SECTOR) * SECTOR];
      const kept = Buffer.from(bytes.subarray(one, one + SECTOR));
      bytes.copy(bytes, one, other, other + kept.length);
      kept.copy(bytes, other);
    }),
  async (directory, _, random) => {
    const name = await pickFile(directory, random);
    const bytes = await readFile(join(directory, name));
    const length = Math.floor(random() * bytes.length);
    await writeFile(join(directory, name), bytes.subarray(0, length));
    return `${name} truncated to ${length}`;
  },
  async (directory, _, random) => {
    const name = await pickFile(directory, random);
    await rm(join(directory, name));
    return `${name} missing`;
  },
  async (directory, { older }, random) => {
    const name = await pickFile(older, random);
    await cp(join(older, name), join(directory, name));
    return `${name} from an older copy`;
  },
];

async function change(directory: string, random: Random, kind: string, apply: (bytes: Buffer, at: number) => void): Promise<string> {
  const name = await pickFile(directory, random);
  const bytes = await readFile(join(directory, name));
  const at = Math.floor(random() * Math.max(usedBytes(bytes), 1));
  apply(bytes, at);
  await writeFile(join(directory, name), bytes);
  return `${name}: ${kind} at ${at}`;
}

async function pickFile(directory: string, random: Random): Promise<string> {
  const names = (await readdir(directory)).filter((name) => /^(journal|manifest)-/.test(name)).toSorted();
  // Most of the damage goes where most of the data is.
  const journals = names.filter((name) => name.startsWith('journal'));
  const from = random() < 0.8 ? journals : names;
  return from[Math.floor(random() * from.length)];
}

function usedBytes(bytes: Buffer): number {
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used -= 1;
  return used;
}

/** Starts a broker on the damaged data, takes everything that it has, and judges. */
export async function judge(directory: string, original: Original): Promise<Outcome> {
  const lines: string[] = [];
  const note = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug() {}, info() {}, warn: note, error: note, fatal: note };
  const broker = createBroker({ log, settings: settingsOf(directory) });
  let port: number;
  try {
    port = (await broker.start()).listeners[0].port;
  } catch (error) {
    return { kind: 'refused', faults: refusalFaults(error) };
  }
  try {
    return await judgeContents({ broker, port, lines }, original);
  } finally {
    await broker.stop();
  }
}

function settingsOf(dataDirectory: string): object {
  const off = { enabled: false };
  const listeners = { tcp: { bind: '127.0.0.1:0' }, ws: off, tls: off, tls1884: off, wss: off };
  return { dataDirectory, listeners, admin: { enabled: false } };
}

function refusalFaults(error: unknown): string[] {
  if (!(error instanceof OperationalError)) return [`the start failed with ${String(error)}`];
  return /\n/.test(error.message) || !/backup|restore/i.test(error.message) ? [`no clear line: ${error.message}`] : [];
}

interface Started {
  readonly broker: Broker;
  readonly port: number;
  /** What the broker warned of. */
  readonly lines: readonly string[];
}

async function judgeContents({ broker, port, lines }: Started, original: Original): Promise<Outcome> {
  const faults: string[] = [];
  let missing = 0;
  await broker.publish({ topic: 'load/barrier', payload: BARRIER, qos: 2 });
  for (const [name, messages] of original.owed) missing += await drain(name, messages, port, faults);
  missing += await missingRetained(port, original, faults);
  const named = lines.filter((line) => /damaged|lost|quarantine/.test(line));
  if (missing > 0 && named.length === 0) faults.push(`${missing} messages are silently lost:\n${lines.join('\n')}`);
  return { kind: named.length > 0 ? 'named' : 'intact', faults };
}

/** Takes what a subscriber gets; returns how much is missing. */
async function drain(name: string, messages: ReadonlyMap<string, Buffer>, port: number, faults: string[]): Promise<number> {
  const left = new Set(messages.keys());
  let onProgress: () => void = () => {};
  let isComplete = false;
  const session = new MqttSession(
    { clientId: name, version: 5, expirySeconds: Infinity },
    {
      onSending() {},
      onAcknowledged() {},
      onRefused() {},
      onFinished() {},
      onMessage: ({ topic, payload }) => {
        isComplete ||= payload.toString() === BARRIER;
        const id = [...left].find((candidate) => messages.get(candidate)!.equals(payload));
        if (id === undefined && !isComplete && ![...messages.values()].some((known) => known.equals(payload))) {
          faults.push(`${name} got ${payload.length} bytes that nobody sent, on ${topic}`);
        }
        if (id !== undefined) left.delete(id);
        onProgress();
      },
      onClosed: () => onProgress(),
    },
  );
  const isPresent = await session.connect({ port }, false, () => {});
  if (isPresent === null) faults.push(`${name} is not let in`);
  while (isPresent === true && left.size > 0 && !isComplete) {
    const progress = new Promise<boolean>((resolve) => (onProgress = () => resolve(true)));
    const idle = new Promise<boolean>((resolve) => setTimeout(resolve, IDLE_MS, false));
    if (!(await Promise.race([progress, idle])) || !session.isConnected) break;
  }
  session.cut();
  return left.size;
}

async function missingRetained(port: number, { retained }: Original, faults: string[]): Promise<number> {
  const watch = await SubscriptionWatch.open({ port }, 'retained/#');
  if (watch === null) {
    faults.push('a new subscriber is not served');
    return 0;
  }
  await watch.until((found) => found.size === retained.size, IDLE_MS);
  watch.close();
  for (const [topic, value] of watch.found) if (retained.get(topic) !== value) faults.push(`${topic} is garbled`);
  return retained.size - watch.found.size;
}
