import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { launchBroker, tempDirectory } from '@wrenmq/testkit';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';

// All prefixes and rules together, asked by mosquitto's clients for what the rules of authorization deny them.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };

const intruder = { clientId: ['intruder', 'thief'] };
const configuration = {
  authorization: {
    rules: [
      { permission: 'deny', action: 'all', topics: ['secret/#', 'secret'], who: intruder },
      { permission: 'allow', action: 'all', topics: ['#', '$queue/#', '$exclusive/#', '$delayed/#', '$history/#', '$history-live/#'] },
    ],
  },
  rewrite: {
    rules: [
      { action: 'all', sourceTopic: 'door/#', re: '^door/(.+)$', destTopic: 'secret/$1' },
      { action: 'publish', sourceTopic: 'later/#', re: '^later/(.+)$', destTopic: '$delayed/0/$1' },
    ],
  },
  autoSubscribe: {
    topics: [
      { topic: 'secret/#', qos: 1 },
      { topic: '$share/auto/secret/#', qos: 1 },
      { topic: '$queue/door/#', qos: 1 },
      { topic: '$exclusive/secret/x', qos: 1 },
    ],
  },
  retained: { history: [{ filter: 'secret/#', messages: 3 }] },
};

const prefixes = ['$share/g/', '$queue/', '$exclusive/', '$delayed/0/', '$history/-1h/', '$history-live/-1h/'];
const inner = ['secret/#', 'secret/x', 'secret/+', 'door/#', 'door/x'];
/** Every prefix, and every prefix in every other. */
const filters = [
  ...inner,
  ...prefixes.flatMap((prefix) => inner.map((filter) => prefix + filter)),
  ...prefixes.flatMap((prefix) => prefixes.map((other) => `${prefix}${other}secret/#`)),
  ...prefixes.flatMap((prefix) => prefixes.map((other) => `${prefix}${other}door/#`)),
];
/** Granted, and then asked topic by topic. */
const wide = ['#', '+/#', '+/x', '$share/w/#', '$queue/#', '$exclusive/+/x'];

async function launch(t: TestContext) {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const file = join(directory.path, 'wrenmq.json');
  await writeFile(file, JSON.stringify(configuration));
  const broker = await launchBroker({ args: ['--config', file] });
  t.after(() => broker.close());
  const at = ['-h', '127.0.0.1', '-p', `${broker.target().port}`];
  const publish = (topic: string, payload: string, ...more: readonly string[]): Promise<unknown> =>
    run('mosquitto_pub', [...at, '-q', '1', '-t', topic, '-m', payload, ...more]);
  return { at, publish };
}

for (const version of ['311', '5']) {
  test(`no prefix opens a denied topic to a subscriber: live, retained or queued (MQTT ${version})`, mosquitto, async (t) => {
    const { at, publish } = await launch(t);
    const publishAll = async (what: string): Promise<void> => {
      for (const topic of ['secret/x', 'door/x', '$delayed/0/secret/x', 'later/secret/x']) await publish(topic, what);
      await publish('open/x', what);
    };
    for (const payload of ['1', '2']) await publish('secret/x', `retained ${payload}`, '-r');
    const session = [...at, '-V', version, '-q', '1', '-i', 'intruder', '-c', ...(version === '5' ? ['-x', '3600'] : [])];
    const topics = [...filters, ...wide].flatMap((filter) => ['-t', filter]);
    const reader = await Subscriber.start(t, [...session, ...topics], '%t %p');
    await publishAll('live');
    // Of all that was granted, one tells of the open topic after the other; the last comes after everything that was denied.
    const live = await reader.next();
    await reader.kill();
    await publishAll('queued');
    const again = await Subscriber.start(t, [...session, '-t', 'last'], '%t %p');
    await publish('last', 'last');
    const seen = [live, ...reader.pending];
    for (let line = await again.next(); line !== 'last last'; line = await again.next()) seen.push(line);
    assert.deepEqual(
      // The end of a reading, of which nothing came, tells nothing.
      seen.filter((line) => !line.startsWith('open/x ') && !line.startsWith('$history/end ')),
      [],
    );
    assert.ok(seen.includes('open/x live') && seen.includes('open/x queued'), seen.join('\n'));
  });
}

test('no prefix opens a denied topic to a publisher: live, retained, delayed or by a will', mosquitto, async (t) => {
  const { at, publish } = await launch(t);
  const watcher = await Subscriber.start(t, [...at, '-q', '1', '-t', '#', '-t', 'secret/#'], '%t %p');
  const topics = ['secret/x', 'door/x', 'later/secret/x', '$delayed/0/secret/x', '$delayed/0/door/x', '$delayed/0/later/secret/x'];
  const nested = prefixes.flatMap((prefix) => prefixes.map((other) => `${prefix}${other}secret/x`));
  const thief = ['-V', '5', '-i', 'thief'];
  for (const topic of [...topics, ...nested, ...prefixes.map((prefix) => `${prefix}secret/x`)]) {
    // Refused, or a topic of a tree that nobody reads.
    await publish(topic, 'stolen', ...thief, '-r').catch(() => {});
    const will = ['--will-topic', topic, '--will-payload', 'stolen', '--will-retain'];
    await publish('open', 'open', ...thief, ...will).catch(() => {});
  }
  await publish('last', 'last');
  const seen: string[] = [];
  for (let line = await watcher.next(); line !== 'last last'; line = await watcher.next()) seen.push(line);
  assert.deepEqual(
    seen.filter((line) => line !== 'open open'),
    [],
  );
  const { stdout } = await run('mosquitto_sub', [...at, '-t', 'secret/#', '-t', 'open', '-W', '1']).catch(
    (error: { stdout: string }) => error,
  );
  assert.equal(stdout, '');
});
