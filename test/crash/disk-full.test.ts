import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { seededRandom, WireClient } from '@wrenmq/testkit';
import { BrokerProcess } from './broker-process.ts';
import { LoadPublisher } from './load-publisher.ts';
import { LoadSubscriber } from './load-subscriber.ts';
import { Scene } from './scene.ts';

const run = promisify(execFile);
const DISK_MIB = 12;
const FILLER_MIB = 4;
const QUOTA_EXCEEDED = 0x97;
/** Within so much time after there is room again the broker must serve again (D5). */
const RESUME_MS = 5000;
const probe = await mountTmpfs().then(
  async (directory) => {
    await unmount(directory);
    return null;
  },
  (error: Error) => error.message,
);
const skip = probe === null ? false : `no tmpfs can be mounted here: ${probe}`;

describe('a full disk', { skip, timeout: 120_000 }, () => {
  let directory: string;
  let broker: BrokerProcess;
  let scene: Scene;
  let subscriber: LoadSubscriber;
  let publishers: LoadPublisher[];
  let refusals: number[];

  beforeEach(async () => {
    directory = await mountTmpfs();
    await writeFile(join(directory, 'filler'), Buffer.alloc(FILLER_MIB * 1024 * 1024));
    scene = new Scene(seededRandom(1));
    subscriber = new LoadSubscriber(scene, { clientId: 'away', version: 5, expirySeconds: Infinity, filter: 'load/#', qos: 2 });
    refusals = [];
    publishers = ([1, 2] as const).map((qos) => publisher(`v5-qos-${qos}`, 5, qos));
    await start();
    await subscriber.join(broker.wire);
    subscriber.cut();
    for (const one of publishers) await one.join(broker.wire);
    await fill();
  });

  afterEach(async () => {
    await broker.kill('SIGKILL');
    await unmount(directory);
  });

  async function start(): Promise<void> {
    broker = await BrokerProcess.start({ target: 'wrenmq', directory });
    assert.equal(await broker.whenReady, 'ready', broker.output);
  }

  function publisher(clientId: string, version: 4 | 5, qos: 1 | 2): LoadPublisher {
    const options = { clientId, version, expirySeconds: Infinity, window: 5, topics: [`load/${clientId}`], qualities: [qos] } as const;
    const made = new LoadPublisher(scene, options);
    made.onRefused = (_, reasonCode) => void refusals.push(reasonCode);
    return made;
  }

  /** Publishes until both publishers have been refused. */
  async function fill(): Promise<void> {
    for (const one of publishers) {
      const before = refusals.length;
      while (refusals.length === before) {
        one.publish(`load/${one.name}`, one.name.endsWith('1') ? 1 : 2, 8000);
        one.publish(`load/${one.name}`, one.name.endsWith('1') ? 1 : 2, 20_000);
        await one.whenQuiet();
      }
    }
  }

  /** Publishes now and then until something is accepted again. */
  async function untilAccepted(): Promise<void> {
    const before = scene.deliveries.acknowledged;
    const deadline = performance.now() + RESUME_MS;
    while (scene.deliveries.acknowledged === before) {
      assert.ok(performance.now() < deadline, `nothing is accepted within ${RESUME_MS} ms:\n${broker.lastWords}`);
      publishers[0].publish('load/v5-qos-1', 1, 8000);
      await publishers[0].whenQuiet();
      await delay(50);
    }
  }

  /** Everything that was acknowledged arrives. */
  async function drain(): Promise<void> {
    await subscriber.join(broker.wire);
    assert.ok(subscriber.isConnected, `the subscriber is not let in:\n${broker.lastWords}`);
    const deadline = delay(20_000, undefined, { ref: false });
    while (subscriber.isConnected && scene.deliveries.owed > 0) {
      if ((await Promise.race([subscriber.whenProgress().then(() => 'progress'), deadline])) !== 'progress') break;
    }
    scene.deliveries.finish();
    assert.equal(scene.problems.total, 0, `${String(scene.problems)}\n${broker.lastWords}`);
  }

  test('refuses MQTT 5 publishers with 0x97 and disconnects the others', async () => {
    assert.deepEqual(new Set(refusals), new Set([QUOTA_EXCEEDED]));
    assert.ok(scene.deliveries.acknowledged > 100, `${scene.deliveries.acknowledged} acknowledged`);
    for (const qos of [1, 2] as const) {
      const older = publisher(`v4-qos-${qos}`, 4, qos);
      // It may be refused by CONNACK already, since its session cannot be stored.
      await older.join(broker.wire);
      if (older.isConnected) older.publish(`load/v4-qos-${qos}`, qos, 20_000);
      await older.whenQuiet();
      assert.equal(older.isConnected, false);
    }
    const clean = await WireClient.open(broker.wire, 4);
    await clean.connect();
    await assert.rejects(clean.publish({ topic: 'load/clean', payload: Buffer.alloc(20_000), qos: 1 }), /closed/);
    const alarms = broker.errors.filter((line) => line.includes('no room for the store'));
    assert.equal(alarms.length, 1, broker.errors.join('\n'));
  });

  test('lets through what needs no disk', async () => {
    const [one, other] = [await WireClient.open(broker.wire, 5), await WireClient.open(broker.wire, 4)];
    await one.connect();
    await other.connect();
    await one.subscribe({ filter: 'live/#', qos: 1 });
    await other.publish({ topic: 'live/a', payload: 'at QoS 0', qos: 0 });
    assert.equal((await one.receive()).payload.toString(), 'at QoS 0');
    assert.equal(await other.publish({ topic: 'live/a', payload: 'at QoS 1', qos: 1 }), 0);
    assert.equal((await one.receive()).payload.toString(), 'at QoS 1');
    for (const client of [one, other]) await client.cut();
  });

  test('loses nothing, and serves again by itself when there is room', async () => {
    await rm(join(directory, 'filler'));
    await untilAccepted();
    for (const one of publishers) {
      one.give(20);
      await one.whenQuiet();
    }
    await drain();
  });

  test('loses nothing, and serves again by itself when a subscriber has made room', async () => {
    await drain();
    await untilAccepted();
    await drain();
  });

  test('keeps nobody from starting again after a kill, and loses nothing', async () => {
    await broker.kill('SIGKILL');
    await start();
    await drain();
    assert.equal((await broker.kill('SIGTERM')).code, 0, broker.lastWords);
  });
});

async function mountTmpfs(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'wrenmq-full-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'wrenmq-full', directory]);
    return directory;
  } catch (error) {
    await rm(directory, { recursive: true });
    throw error;
  }
}

async function unmount(directory: string): Promise<void> {
  await run('umount', [directory]);
  await rm(directory, { recursive: true });
}
