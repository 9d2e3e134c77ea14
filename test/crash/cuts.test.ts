import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { FaultProxy, seededRandom, tempDirectory } from '@wrenmq/testkit';
import { BrokerProcess } from './broker-process.ts';
import { LoadPublisher } from './load-publisher.ts';
import { LoadSubscriber } from './load-subscriber.ts';
import { Scene } from './scene.ts';

const MESSAGES = 2500;
const seed = Number(process.env['CRASH_SEED'] ?? 20_260);

test('QoS 2 is exactly once from publisher to subscriber however often both connections are cut', { timeout: 180_000 }, async (context) => {
  await using directory = await tempDirectory();
  const broker = await BrokerProcess.start({ target: 'wrenmq', directory: join(directory.path, 'data') });
  assert.equal(await broker.whenReady, 'ready', broker.output);
  await using publisherSide = await FaultProxy.start(broker.wire, seed);
  await using subscriberSide = await FaultProxy.start(broker.wire, seed + 1);
  const scene = new Scene(seededRandom(seed));
  const subscriber = new LoadSubscriber(scene, {
    clientId: 'subscriber',
    version: 5,
    expirySeconds: Infinity,
    filter: 'load/#',
    qos: 2,
    acknowledgementLag: 7,
  });
  const publisher = new LoadPublisher(scene, {
    clientId: 'publisher',
    version: 4,
    expirySeconds: Infinity,
    window: 20,
    topics: ['load/publisher'],
    qualities: [2],
  });
  await subscriber.join(subscriberSide.target);
  publisher.give(MESSAGES);
  let cuts = 0;
  const published = Promise.withResolvers<void>();
  let isPublished = false;
  const isDone = (): boolean => publisher.isQuiet && scene.deliveries.owed === 0;

  /** Cuts after a number of bytes, in whichever packet that is, and comes back, until everything has arrived. */
  const plague = async (proxy: FaultProxy, client: LoadPublisher | LoadSubscriber): Promise<void> => {
    while (client === publisher ? !publisher.isQuiet : !isDone()) {
      const direction = scene.pick(['toBroker', 'toClient'] as const);
      proxy.toBroker.cutAfterBytes = proxy.toClient.cutAfterBytes = Infinity;
      // In one direction go messages, in the other acknowledgements of a few bytes.
      const isMessages = (direction === 'toBroker') === (client === publisher);
      proxy[direction].cutAfterBytes = scene.integer(10, isMessages ? 60_000 : 600);
      proxy[direction].isRandomlySplit = scene.chance(0.5);
      await client.join(proxy.target);
      await (client instanceof LoadPublisher ? client.whenQuiet() : untilClosed(client));
      if (!client.isConnected) cuts += 1;
    }
    if (client === publisher) {
      isPublished = true;
      published.resolve();
    }
  };
  const untilClosed = async (client: LoadSubscriber): Promise<void> => {
    while (client.isConnected && !isDone())
      await (isPublished ? client.whenProgress() : Promise.race([client.whenProgress(), published.promise]));
  };

  await Promise.all([plague(publisherSide, publisher), plague(subscriberSide, subscriber)]);
  scene.deliveries.finish();
  context.diagnostic(
    `seed ${seed}: ${cuts} cuts, ${scene.deliveries.acknowledged} acknowledged, ${scene.deliveries.deliveries} deliveries`,
  );
  const end = await broker.kill('SIGTERM');
  assert.equal(end.code, 0, broker.lastWords);
  assert.equal(scene.problems.total, 0, `seed ${seed}: ${String(scene.problems)}\n${scene.history}`);
  assert.equal(scene.deliveries.acknowledged, MESSAGES);
  assert.equal(scene.deliveries.deliveries, MESSAGES);
  assert.ok(cuts >= 50, `only ${cuts} cuts`);
});
