import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Broker, createBroker, ReasonCode } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { launchBroker, type LaunchedBroker, tempDirectory, WireClient } from '@wrenmq/testkit';
import { embed, settings } from '#root/test/embedding/start.ts';
import { needs, run, Subscriber } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

const { QuotaExceeded, Success } = ReasonCode;
const last3 = { history: [{ filter: 'h/#', messages: 3 }] };
const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };

async function received(client: WireClient, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { topic, payload, retain } = await client.receive();
    assert.equal(retain, true);
    found.push(`${topic}=${payload.toString()}`);
  }
  await client.expectNothing();
  return found;
}

async function launch(t: TestContext, retained: object): Promise<LaunchedBroker> {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const file = join(directory.path, 'wrenmq.json');
  await writeFile(file, JSON.stringify({ retained }));
  const broker = await launchBroker({ args: ['--config', file] });
  t.after(() => broker.close());
  return broker;
}

async function connect(t: TestContext, broker: LaunchedBroker, clientId: string): Promise<WireClient> {
  const client = await WireClient.open(broker.target());
  t.after(() => client.transport.destroy());
  await client.connect({ clientId });
  return client;
}

function reload(broker: Broker, retained: object, limits: object = {}): Promise<void> {
  return broker.reload(loadConfig({ overrides: { ...settings, retained, limits } }));
}

test('what is too long, one topic too many or too fast is refused with 0x97, reaches nobody, and changes nothing', async (t) => {
  const { broker, connect: join5 } = await embed(t, { settings: { retained: { payloadBytesMax: 4 } } });
  const client = await join5();
  await client.subscribe('#');
  const keep = (topic: string, payload: string) => client.publish({ topic, payload, qos: 1, retain: true });
  assert.equal(await keep('a', '12345'), QuotaExceeded);
  await client.expectNothing();
  await reload(broker, {}, { retainedMessagesMax: 1 });
  assert.equal(await keep('a', '12345'), Success);
  assert.equal((await client.receive()).topic, 'a');
  assert.equal(await keep('b', '1'), QuotaExceeded);
  await reload(broker, { storeRate: '1/h' });
  assert.equal(await keep('a', 'one'), Success);
  assert.equal((await client.receive()).topic, 'a');
  assert.equal(await keep('a', 'two'), QuotaExceeded);
  await client.expectNothing();
  assert.equal((await broker.retained.get('a'))?.payload.toString(), 'one');
  assert.equal(await keep('a', ''), Success, 'clearing is not limited');
  assert.equal((await client.receive()).payload.length, 0);
  assert.deepEqual(await broker.retained.list(), { messages: [], next: null });
});

test('at QoS 0, where nobody can be told, a message that is not retained reaches those who are subscribed', async (t) => {
  const { broker, connect: join5 } = await embed(t, { settings: { retained: { payloadBytesMax: 1 } } });
  const client = await join5();
  await client.subscribe('a');
  await client.publish({ topic: 'a', payload: '12', retain: true });
  assert.equal((await client.receive()).payload.toString(), '12');
  assert.equal(await broker.retained.get('a'), null);
});

test('retained messages expire by default, or whatever they say', async (t) => {
  const { broker, connect: join5 } = await embed(t, { settings: { retained: { expiryDefault: '1h' } } });
  const client = await join5();
  const properties = { messageExpiryInterval: 60, contentType: 'text/plain' };
  const keep = (topic: string, more: object = {}) => client.publish({ topic, payload: 'x', qos: 1, retain: true, ...more });
  await keep('plain');
  await keep('own', { properties });
  const intervalOf = async (topic: string): Promise<number | undefined> => {
    await client.subscribe(topic);
    const message = await client.receive();
    await client.unsubscribe(topic);
    if (topic !== 'plain') assert.equal(message.properties.contentType, 'text/plain');
    return message.properties.messageExpiryInterval;
  };
  assert.ok(Math.abs(3600 - (await intervalOf('plain'))!) < 60);
  assert.ok((await intervalOf('own'))! <= 60);
  await reload(broker, { expiryOverride: '2h' });
  await keep('own', { properties });
  assert.ok((await intervalOf('own'))! > 7000);
  await reload(broker, { expiryOverride: 'never' });
  await keep('own', { properties });
  assert.equal(await intervalOf('own'), undefined);
  assert.equal((await broker.retained.get('own'))?.expiresAtMs, null);
});

test('the message that clears goes to those who are subscribed, or not', async (t) => {
  const { broker, connect: join5 } = await embed(t, { settings: { retained: { stopPublishClearMessage: true } } });
  const client = await join5();
  await client.subscribe({ filter: 'a', qos: 1 });
  const clear = () => client.publish({ topic: 'a', payload: '', qos: 1, retain: true });
  await client.publish({ topic: 'a', payload: 'x', qos: 1, retain: true });
  await client.receive();
  assert.equal(await clear(), Success);
  await client.expectNothing();
  assert.equal(await broker.retained.get('a'), null);
  assert.equal(await client.publish({ topic: 'a', payload: '', qos: 1 }), Success);
  assert.equal((await client.receive()).payload.length, 0, 'without RETAIN it is a message like others');
  await reload(broker, {});
  await clear();
  assert.equal((await client.receive()).payload.length, 0);
});

test('when and by whom is kept, and told where that is wanted', async (t) => {
  const { broker, connect: join5 } = await embed(t);
  const client = await join5({ clientId: 'author' });
  const before = Date.now();
  const userProperties: [string, string][] = [['mine', '1']];
  await client.publish({ topic: 'a', payload: 'x', qos: 1, retain: true, properties: { userProperties } });
  const kept = await broker.retained.get('a');
  assert.ok(kept !== null && kept.publishedAtMs >= before && kept.publishedAtMs <= Date.now());
  assert.deepEqual([kept.clientId, kept.username, kept.payloadBytes, kept.qos], ['author', null, 1, 1]);
  await client.subscribe('a');
  assert.deepEqual((await client.receive()).properties.userProperties, userProperties);
  await reload(broker, { tellAuthor: true });
  await client.subscribe('a');
  const at = new Date(kept.publishedAtMs).toISOString();
  assert.deepEqual((await client.receive()).properties.userProperties, [...userProperties, ['retained-at', at], ['retained-by', 'author']]);
});

test('many are listed in pages and deleted by a filter, past the $ trees', async (t) => {
  const { broker, connect: join5 } = await embed(t);
  const topics = Array.from({ length: 300 }, (_, index) => `t/${String(index).padStart(3, '0')}`);
  for (const topic of [...topics, 'other', '$app/x']) await broker.publish({ topic, payload: 'x', qos: 1, retain: true });
  const first = await broker.retained.list('t/#', 200);
  assert.deepEqual([first.messages.length, first.next], [200, 't/199']);
  const second = await broker.retained.list('t/#', 200, first.next);
  assert.deepEqual([second.messages.length, second.messages[0].topic, second.next], [100, 't/200', null]);
  assert.equal(await broker.retained.delete('t/000'), true);
  assert.equal(await broker.retained.delete('t/000'), false);
  assert.equal(await broker.retained.deleteMatching('t/+'), 299);
  assert.equal(await broker.retained.deleteMatching('#'), 1);
  assert.deepEqual(
    (await broker.retained.list('$app/#')).messages.map(({ topic }) => topic),
    ['$app/x'],
  );
  assert.equal(broker.statistics().retainedMessages, 1);
  const client = await join5();
  await client.subscribe('#');
  await client.expectNothing();
});

test('the last messages of a topic come in order, as often as Retain Handling says, and to no shared subscription', async (t) => {
  const { broker, connect: join5 } = await embed(t, { settings: { retained: last3 } });
  for (const payload of ['1', '2', '3', '4']) await broker.publish({ topic: 'h/a', payload, qos: 1, retain: true });
  await broker.publish({ topic: 'plain', payload: '1', retain: true });
  await broker.publish({ topic: 'plain', payload: '2', retain: true });
  const all = ['h/a=2', 'h/a=3', 'h/a=4', 'plain=2'];
  const client = await join5();
  await client.subscribe({ filter: '#', qos: 1, retainHandling: 0 });
  assert.deepEqual(await received(client, 4), all);
  await client.subscribe({ filter: '#', qos: 1, retainHandling: 1 });
  await client.expectNothing();
  await client.subscribe({ filter: '$share/g/#', qos: 1 });
  await client.expectNothing();
  await client.unsubscribe('#');
  await client.subscribe({ filter: '#', qos: 1, retainHandling: 2 });
  await client.expectNothing();
  const old = await join5({ clientId: 'old' }, 4);
  await old.subscribe({ filter: 'h/#', qos: 0 });
  assert.deepEqual(await received(old, 3), all.slice(0, 3));
  assert.deepEqual(
    (await broker.retained.history('h/a')).map(({ payload }) => payload.toString()),
    ['2', '3', '4'],
  );
  assert.equal(await broker.retained.deleteMatching('h/#'), 1);
  await broker.publish({ topic: 'h/a', payload: '5', qos: 1, retain: true });
  await old.receive();
  await old.subscribe('h/a');
  assert.deepEqual(await received(old, 1), ['h/a=5']);
});

test('what the rules deny is never delivered, neither the retained message nor what is older, by no filter', async (t) => {
  const rules = [
    { permission: 'deny', action: 'subscribe', topics: ['h/secret/#'] },
    { permission: 'allow', action: 'all', topics: ['#'] },
  ];
  const { broker, connect: join5 } = await embed(t, { settings: { authorization: { rules }, retained: last3 } });
  for (const topic of ['h/secret/1', 'h/open', 'h/secret']) {
    for (const payload of ['1', '2']) await broker.publish({ topic, payload, qos: 1, retain: true });
  }
  for (const filter of ['#', 'h/#', '+/+', 'h/+', '$exclusive/h/#']) {
    const client = await join5({ clientId: filter.replaceAll('/', '-') });
    await client.subscribe({ filter, qos: 1 });
    assert.deepEqual(await received(client, 2), ['h/open=1', 'h/open=2'], filter);
  }
});

test('after a kill -9 everything is there: values, order, time and author', { timeout: 60_000 }, async (t) => {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const file = join(directory.path, 'wrenmq.json');
  const dataDirectory = join(directory.path, 'data');
  await writeFile(file, JSON.stringify({ retained: last3 }));
  const broker = await launchBroker({ args: ['--config', file], dataDirectory });
  const author = await connect(t, broker, 'author');
  const before = Date.now();
  for (const payload of ['1', '2', '3', '4', '5']) await author.publish({ topic: 'h/a', payload, qos: 1, retain: true });
  for (const payload of ['1', '2', '']) await author.publish({ topic: 'h/cleared', payload, qos: 2, retain: true });
  await broker.restart('SIGKILL');
  const reader = await connect(t, broker, 'reader');
  await reader.subscribe({ filter: '#', qos: 1 });
  assert.deepEqual(await received(reader, 3), ['h/a=3', 'h/a=4', 'h/a=5']);
  await reader.publish({ topic: 'h/a', payload: '6', qos: 1, retain: true });
  await reader.publish({ topic: 'h/cleared', payload: '3', qos: 1, retain: true });
  await broker.close();
  const again = createBroker({ settings: { ...settings, durability: 'disk', dataDirectory, retained: last3 } });
  t.after(() => again.stop());
  await again.start();
  const history = await again.retained.history('h/a');
  assert.deepEqual(
    history.map(({ payload, clientId }) => [payload.toString(), clientId]),
    [
      ['4', 'author'],
      ['5', 'author'],
      ['6', 'reader'],
    ],
  );
  assert.ok(history.every(({ publishedAtMs }) => publishedAtMs >= before && publishedAtMs <= Date.now()));
  assert.equal((await again.retained.history('h/cleared')).length, 1);
});

test(
  'kills in the middle of publishing leave the end of what was sent, without a gap, and nothing of what was cleared',
  { timeout: 60_000 },
  async (t) => {
    const broker = await launch(t, last3);
    const kept: number[] = [];
    let number = 0;
    for (let round = 0; round < 3; round += 1) {
      const publisher = await connect(t, broker, `publisher-${round}`);
      const publish = (topic: string, payload: string) => publisher.publish({ topic, payload, qos: 1, retain: true });
      for (let index = 0; index < 5 + round; index += 1) {
        number += 1;
        await publish('h/a', `${number}`);
        kept.push(number);
        await publish('h/b', index % 2 === 0 ? `${number}` : '');
      }
      await publish('h/b', '');
      // What is not acknowledged may be there or not.
      number += 1;
      publish('h/a', `${number}`).catch(() => {});
      await broker.restart('SIGKILL');
      const reader = await connect(t, broker, 'reader');
      await reader.subscribe({ filter: 'h/#', qos: 1 });
      const found = (await received(reader, 3)).map((text) => Number(text.replace('h/a=', '')));
      if (found[2] === number) kept.push(number);
      assert.deepEqual(found, kept.slice(-3));
      await reader.cut();
    }
  },
);

test('mosquitto_sub gets the last messages, and mosquitto_pub clears them', mosquitto, async (t) => {
  const broker = await launch(t, last3);
  const { port } = broker.target();
  const at = ['-h', '127.0.0.1', '-p', String(port)];
  const keep = (...payload: string[]) => run('mosquitto_pub', [...at, '-V', '5', '-q', '1', '-r', '-t', 'h/a', ...payload]);
  for (const payload of ['1', '2', '3', '4']) await keep('-m', payload);
  const subscriber = await Subscriber.start(t, [...at, '-t', '#', '-q', '1'], '%t %r %p');
  for (const payload of ['2', '3', '4']) assert.equal(await subscriber.next(), `h/a 1 ${payload}`);
  await keep('-n');
  assert.equal(await subscriber.next(), 'h/a 0 ');
  await keep('-m', '5');
  const late = await Subscriber.start(t, [...at, '-t', 'h/+'], '%t %r %p');
  assert.equal(await late.next(), 'h/a 1 5');
});

test('paho gets them as retained messages', { timeout: 60_000, ...needs(pahoFile, 'python3-paho-mqtt') }, async (t) => {
  const broker = await launch(t, last3);
  const author = await connect(t, broker, 'author');
  for (const payload of ['1', '2', '3', '4']) await author.publish({ topic: 'h/a', payload, qos: 1, retain: true });
  for (const version of [4, 5] as const) {
    const options = { port: broker.target().port, version, clientId: `paho-${version}`, filters: ['h/#'] };
    const client = await PahoClient.start(t, options);
    assert.deepEqual(await client.next(), { event: 'subscribe', granted: [1] });
    for (const payload of ['2', '3', '4']) assert.deepEqual(await client.next(), { event: 'message', topic: 'h/a', payload, retain: true });
    await client.kill();
  }
});

test('mosquitto_pub is told what limits refuse, and mosquitto_sub finds what was there before', mosquitto, async (t) => {
  const broker = await launch(t, { payloadBytesMax: '5B' });
  const { port } = broker.target();
  const at = ['-h', '127.0.0.1', '-p', `${port}`];
  const publish = (payload: string): Promise<{ stderr: string }> =>
    run('mosquitto_pub', [...at, '-V', '5', '-q', '1', '-r', '-t', 'r', '-m', payload]);
  await publish('12345');
  const { stderr } = await publish('123456').catch((error: { stderr: string }) => error);
  assert.match(stderr, /Quota exceeded/);
  const { stdout } = await run('mosquitto_sub', [...at, '-t', 'r', '-C', '1']);
  assert.equal(stdout, '12345\n');
});

test('Prometheus and $SYS tell what histories hold, and that they are full', mosquitto, async (t) => {
  const broker = await launch(t, { ...last3, historyMessagesMax: 2 });
  const at = ['-h', '127.0.0.1', '-p', `${broker.target().port}`];
  for (const payload of ['1', '2']) await run('mosquitto_pub', [...at, '-q', '1', '-r', '-t', 'h/a', '-m', payload]);
  const { address, port } = broker.admin!;
  const metrics = async (): Promise<string> => (await fetch(`http://${address}:${port}/metrics`)).text();
  const before = await metrics();
  assert.match(before, /^wrenmq_retained_history_messages 2$/m);
  assert.match(before, /^wrenmq_retained_history_bytes [1-9]\d+$/m);
  assert.match(before, /^wrenmq_retained_history_full_total 0$/m);
  await run('mosquitto_pub', [...at, '-q', '1', '-r', '-t', 'h/a', '-m', '3']);
  assert.match(await metrics(), /^wrenmq_retained_history_full_total 1$/m);
  const { stdout } = await run('mosquitto_sub', [...at, '-t', '$SYS/brokers/+/stats/retained/history/count', '-C', '1']);
  assert.match(stdout, /^\d+\n$/);
});
