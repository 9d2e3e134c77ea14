import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryMessage, HistoryRequest } from '@wrenmq/broker';
import { createBroker } from '@wrenmq/broker';
import { tempDirectory } from '@wrenmq/testkit';
import { embed, settings } from './start.ts';

async function collect(messages: AsyncIterable<HistoryMessage>): Promise<HistoryMessage[]> {
  const all: HistoryMessage[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

const topicsOf = (messages: readonly HistoryMessage[]): string[] => messages.map(({ topic }) => topic);

test('a program reads what was published by filter, time, offset and topic', async (t) => {
  const { broker } = await embed(t);
  const { history } = broker;
  for (const topic of ['a/1', 'a/2', 'b', 'a/1']) {
    await broker.publish({ topic, payload: topic, qos: 1, retain: topic === 'b', properties: { contentType: 'text/plain' } });
  }
  const all = await collect(history.read());
  assert.deepEqual(topicsOf(all), ['a/1', 'a/2', 'b', 'a/1']);
  const [first, second, third] = all;
  const { time, offset, ...facts } = third;
  assert.deepEqual(
    { ...facts, payload: facts.payload.toString() },
    { topic: 'b', payload: 'b', qos: 1, retain: true, publisher: 'embedder', properties: { contentType: 'text/plain' }, missed: 0 },
  );
  assert.ok(offset === first.offset + 2 && Math.abs(Date.now() - time.getTime()) < 60_000);
  const read = async (request: HistoryRequest) => topicsOf(await collect(history.read(request)));
  assert.deepEqual(await read({ filter: 'a/+', limit: 2 }), ['a/1', 'a/2']);
  assert.deepEqual(await read({ after: second.offset }), ['b', 'a/1']);
  assert.deepEqual(await read({ filter: 'a/#', lastPerTopic: 1 }), ['a/1', 'a/2']);
  assert.deepEqual(await read({ from: new Date(Date.now() + 60_000) }), []);
  assert.deepEqual(await read({ from: '2020-01-01', to: Date.now() - 60_000 }), []);
  const { messages, appended, gaps } = history.statistics();
  assert.ok(messages <= 4 && appended === 4 && gaps['disk-refused'] === 0);
});

test('a request that makes no sense is refused with what is wrong', async (t) => {
  const { broker } = await embed(t);
  const wrong: [HistoryRequest, RegExp][] = [
    [{ filter: 'a/#/b' }, /the filter a\/#\/b has a #/],
    [{ filter: '$share/g/a' }, /shared group/],
    [{ from: 'yesterday' }, /from is no time/],
    [{ to: new Date(NaN) }, /to is no time/],
    [{ limit: 0 }, /limit must be a whole number from 1 on/],
    [{ after: 0.5 }, /after must be/],
    [{ lastPerTopic: 10_001 }, /lastPerTopic must be a whole number from 1 to 10000/],
  ];
  for (const [request, message] of wrong) assert.throws(() => broker.history.read(request), { code: 'history.query', message });
});

test('history survives a restart, follows the settings, and may be off', async (t) => {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const open = async (history: object) => {
    const broker = createBroker({ settings: { ...settings, durability: 'disk', dataDirectory: directory.path, history } });
    await broker.start();
    return broker;
  };
  const first = await open({ exclude: ['secret/#'], rules: { quiet: { filter: 'quiet/#', enabled: false } } });
  for (const topic of ['a', 'secret/a', 'quiet/a', 'b']) await first.publish({ topic, qos: 0 });
  await first.stop();
  const second = await open({ enabled: false });
  await second.publish({ topic: 'c', qos: 1 });
  assert.deepEqual(topicsOf(await collect(second.history.read())), ['a', 'b']);
  await second.stop();
  const third = await open({});
  await third.publish({ topic: 'd', qos: 1 });
  const all = await collect(third.history.read());
  assert.deepEqual(topicsOf(all), ['a', 'b', 'd']);
  assert.deepEqual(
    all.map(({ offset }) => offset - all[0].offset),
    [0, 1, 2],
  );
  await third.stop();
});
