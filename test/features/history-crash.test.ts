import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { launchBroker, seededRandom } from '@wrenmq/testkit';
import { NumberPublisher, NumberReader, problemsOf, until } from './history-oracle.ts';

// Readings of the history and a broker that is killed at any moment, also in the middle of catching up.

const seed = Number(process.env.CRASH_SEED ?? 20_261_121);
const ROUNDS = 4;
/** What a publisher publishes in a round, when it is not killed before. */
const ROUND_COUNT = 1500;
const patience = { timeout: 120_000 };

/** Publishes for a while, reads for a while, kills, starts again: so many times, and then to the end. */
async function killAgainAndAgain(t: TestContext, qos: 1 | 2): Promise<void> {
  const random = seededRandom(seed + qos);
  const broker = await launchBroker();
  t.after(() => broker.close());
  const publishers = [1, 2].map((own) => new NumberPublisher(`load/${own}`, own as 1 | 2));
  const publishAll = (): Promise<unknown> => Promise.all(publishers.map((one) => one.publish(broker.target(), one.next + ROUND_COUNT)));
  // One that is always behind, one that catches up, and one that is away half of the time.
  const slow = new NumberReader('slow', '$history-live/offset:0/load/#', qos, 20);
  const quick = new NumberReader('quick', '$history-live/-1h/load/#', qos, 500);
  const away = new NumberReader('away', '$history-live/last:10000/load/#', qos, 20);
  slow.pauseMs = 2;
  for (let round = 0; round < ROUNDS; round += 1) {
    const publishing = publishAll();
    await delay(random() * 300);
    await Promise.all([slow.join(broker.target()), quick.join(broker.target())]);
    if (round % 2 === 0) await away.join(broker.target());
    await delay(100 + random() * 900);
    await broker.kill('SIGKILL');
    await publishing;
    await broker.start();
  }
  slow.pauseMs = 0;
  for (const publisher of publishers) await publisher.publish(broker.target(), publisher.next + 100);
  for (const reader of [slow, quick, away]) await reader.join(broker.target());
  for (const publisher of publishers) await publisher.publish(broker.target(), publisher.next + 100);
  for (const reader of [slow, quick, away]) {
    const hasAll = (): boolean => publishers.every(({ topic, next }) => reader.seen.get(topic)?.at(-1) === next - 1);
    await until(() => `the last have come: ${reader.total}; CRASH_SEED=${seed}`, hasAll);
    const problems = publishers.flatMap((one) => problemsOf(reader.seen.get(one.topic)!, one, qos === 1 || one.qos === 1));
    assert.deepEqual(problems, [], `CRASH_SEED=${seed}`);
  }
  const published = publishers.reduce((sum, { next }) => sum + next, 0);
  assert.ok(published > 500, `${published} messages were published`);
  t.diagnostic(`${published} published, seen ${[slow, quick, away].map(({ total }) => total).join(', ')}`);
  for (const reader of [slow, quick, away]) await reader.leave();
}

test('killed at random moments, at QoS 1: what was acknowledged is read, in order', patience, (t) => killAgainAndAgain(t, 1));

test('killed at random moments, at QoS 2: what was acknowledged is read, in order, and once', patience, (t) => killAgainAndAgain(t, 2));

test('killed while nobody but readers who are not live yet are owed messages: none is lost', patience, async (t) => {
  const broker = await launchBroker();
  t.after(() => broker.close());
  for (const qos of [1, 2] as const) {
    const publisher = new NumberPublisher(`load/${qos}`, qos);
    // More than is taken at once by who becomes live.
    await publisher.publish(broker.target(), 3000);
    const reader = new NumberReader(`reader ${qos}`, `$history-live/-1h/load/${qos}`, qos, 3);
    await reader.join(broker.target());
    await until(
      () => `${reader.total} messages`,
      () => reader.total > 100,
    );
    await reader.leave();
    await publisher.publish(broker.target(), 3030);
    await broker.kill('SIGKILL');
    await broker.start();
    await reader.join(broker.target());
    const isComplete = (): boolean => new Set(reader.seen.get(publisher.topic)).size === publisher.next;
    await until(() => `${reader.total} messages`, isComplete);
    await publisher.publish(broker.target(), 3040);
    await until(() => `${reader.total} messages`, isComplete);
    assert.deepEqual(problemsOf(reader.seen.get(publisher.topic)!, publisher, qos === 1), []);
    await reader.leave();
  }
});
