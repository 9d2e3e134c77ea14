import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Broker, ReasonCode } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { connect as connectClient } from '@wrenmq/client';
import type { WireClient } from '@wrenmq/testkit';
import { embed, settings } from '#root/test/embedding/start.ts';
import { needs, run } from '#root/test/interop/interop.ts';
import { PahoClient, pahoFile } from './paho-client.ts';

const { NoSubscriptionExisted, NotAuthorized, QuotaExceeded, TopicFilterInvalid, TopicNameInvalid } = ReasonCode;
const everything = { permission: 'allow', action: 'all', topics: ['#'] } as const;
const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };

interface Told {
  readonly topic: string;
  readonly payload: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** Publishes `count` messages to s/0, s/1 and s/2 in turn, with their numbers as payload. */
async function publishNumbers(broker: Broker, count: number, from = 0): Promise<void> {
  for (let index = from; index < from + count; index += 1) await broker.publish({ topic: `s/${index % 3}`, payload: `${index}`, qos: 1 });
}

/** What a reading brings, up to its end mark. */
async function readAll(client: WireClient): Promise<{ messages: Told[]; end: { filter: string; messages: number; next: number } }> {
  const messages: Told[] = [];
  for (;;) {
    const { topic, payload, properties } = await client.receive();
    if (topic === '$history/end') return { messages, end: JSON.parse(payload.toString()) };
    messages.push({ topic, payload: payload.toString(), properties: Object.fromEntries(properties.userProperties ?? []) });
  }
}

const payloads = (messages: readonly Told[]): string[] => messages.map(({ payload }) => payload);
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `${from + index}`);

for (const version of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`a client of version ${version} reads at QoS ${qos}: an hour, the last of each topic, from an offset, since a moment`, async (t) => {
      const { broker, connect } = await embed(t);
      await publishNumbers(broker, 30);
      const between = Date.now() + 5;
      while (Date.now() < between) await delay(1);
      await publishNumbers(broker, 30, 30);
      const client = await connect({}, version);
      assert.deepEqual(await client.subscribe({ filter: '$history/-1h/s/+', qos }), [qos]);
      const hour = await readAll(client);
      assert.deepEqual(payloads(hour.messages), numbers(0, 60));
      assert.deepEqual([hour.end.filter, hour.end.messages], ['$history/-1h/s/+', 60]);
      if (version === 5) {
        const offsets = hour.messages.map(({ properties }) => Number(properties['history-offset']));
        assert.deepEqual(
          offsets,
          offsets.toSorted((a, b) => a - b),
        );
        for (const { properties } of hour.messages) assert.match(properties['history-time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        await client.subscribe({ filter: `$history/offset:${offsets[50]}/#`, qos });
        assert.deepEqual(payloads((await readAll(client)).messages), numbers(50, 60));
      }
      await client.subscribe({ filter: '$history/last:10/s/#', qos });
      const expected = [0, 1, 2].flatMap((topic) => Array.from({ length: 10 }, (_, index) => `${30 + topic + 3 * index}`));
      assert.deepEqual(payloads((await readAll(client)).messages), expected);
      for (const moment of [`${between}`, new Date(between).toISOString()]) {
        await client.subscribe({ filter: `$history/since:${moment}/s/+`, qos });
        assert.deepEqual(payloads((await readAll(client)).messages), numbers(30, 60));
      }
      await client.subscribe({ filter: `$history/offset:${hour.end.next}/s/+`, qos });
      assert.deepEqual((await readAll(client)).messages, []);
      assert.deepEqual(await client.unsubscribe('$history/-1h/s/+'), version === 5 ? [NoSubscriptionExisted] : []);
      await publishNumbers(broker, 3);
      await client.expectNothing();
    });
  }
}

test('the client library iterates over a reading, and over a live one, by the topics of the messages', async (t) => {
  for (const protocol of ['5', '3.1.1'] as const) {
    const { broker, target } = await embed(t);
    await publishNumbers(broker, 9);
    await using client = await connectClient(`mqtt://127.0.0.1:${target.port}`, { protocol });
    const seen: string[] = [];
    for await (const message of await client.subscribe('$history/-1h/s/{n}', { qos: 1 }))
      seen.push(`${message.params.n} ${message.text()}`);
    assert.deepEqual(
      seen,
      numbers(0, 9).map((number) => `${Number(number) % 3} ${number}`),
    );
    const live: string[] = [];
    for await (const message of await client.subscribe('$history-live/last:1/s/1', { qos: 1 })) {
      live.push(message.text());
      if (live.length === 1) await broker.publish({ topic: 's/1', payload: 'live', qos: 1 });
      else break;
    }
    assert.equal(live[1], 'live');
  }
});

test('an overlapping subscription goes on by itself while a reading is under way', async (t) => {
  const { broker, connect } = await embed(t);
  await publishNumbers(broker, 100);
  const client = await connect({ properties: { receiveMaximum: 5 } });
  await client.subscribe({ filter: 's/0', qos: 1 }, { subscriptionIdentifiers: [1] });
  await client.subscribe({ filter: '$history/-1h/s/0', qos: 1 }, { subscriptionIdentifiers: [2] });
  await broker.publish({ topic: 's/0', payload: 'live', qos: 1 });
  const byIdentifier: Record<string, string[]> = { 1: [], 2: [] };
  for (let left = 36; left > 0; left -= 1) {
    const { payload, properties } = await client.receive();
    const [identifier] = properties.subscriptionIdentifiers!;
    byIdentifier[identifier].push(payload.toString());
  }
  assert.deepEqual(byIdentifier[1], ['live']);
  assert.equal(byIdentifier[2].length, 35);
});

test('UNSUBSCRIBE stops a reading', async (t) => {
  const { broker, connect } = await embed(t);
  await publishNumbers(broker, 100);
  const client = await connect({ properties: { receiveMaximum: 5 } });
  await client.subscribe({ filter: '$history/-1h/s/+', qos: 1 });
  const first = [];
  for (let index = 0; index < 5; index += 1) first.push(await client.expect('publish'));
  assert.deepEqual(await client.unsubscribe('$history/-1h/s/+'), [0]);
  for (const message of first) await client.acknowledge(message);
  await client.expectNothing();
});

test('nonsense is refused with 0x8F and a reason, over 32 readings with 0x97; MQTT 3 hears 0x80', async (t) => {
  const { broker, connect } = await embed(t);
  await publishNumbers(broker, 1);
  const client = await connect();
  const nonsense = [
    '$history/#',
    '$history/1h/t',
    '$history/-1h/$SYS/#',
    '$share/g/$history/-1h/t',
    '$exclusive/$history/-1h/t',
    '$queue/$history/-1h/t',
  ];
  const more = ['$history/-1h/$share/g/t', '$history/-1h/$history/-1h/t', '$history/-1h/a/#/b', '$history-live/last:0/t', '$history/end'];
  for (const filter of [...nonsense, ...more]) {
    assert.deepEqual(await client.subscribe({ filter, qos: 1 }), [TopicFilterInvalid], filter);
    const suback = client.received.at(-1)!;
    assert.ok('properties' in suback && suback.properties.reasonString!.startsWith(JSON.stringify(filter)), filter);
  }
  const quiet = await connect({ clientId: 'quiet', properties: { requestProblemInformation: 0 } });
  await quiet.subscribe({ filter: '$history/#', qos: 1 });
  const last = quiet.received.at(-1)!;
  assert.ok('properties' in last && last.properties.reasonString === undefined);
  const old = await connect({ clientId: 'old' }, 4);
  assert.deepEqual(await old.subscribe({ filter: '$history/#', qos: 1 }), [0x80]);
  const greedy = await connect({ clientId: 'greedy', properties: { receiveMaximum: 1 } });
  const filters = Array.from({ length: 33 }, (_, index) => ({ filter: `$history/-${index + 1}h/s/0`, qos: 1 as const }));
  assert.deepEqual(await greedy.subscribe(filters), [...filters.slice(1).map(() => 1), QuotaExceeded]);
});

test('switched off it is refused, and what is excluded is not kept', async (t) => {
  const { broker, connect } = await embed(t, { settings: { history: { exclude: ['s/1'] } } });
  await publishNumbers(broker, 9);
  const client = await connect();
  await client.subscribe({ filter: '$history/-1h/#', qos: 0 });
  assert.deepEqual(payloads((await readAll(client)).messages), ['0', '2', '3', '5', '6', '8']);
  await broker.reload(loadConfig({ overrides: { ...settings, history: { enabled: false } } }));
  assert.deepEqual(await client.subscribe({ filter: '$history/-1h/#', qos: 0 }), [TopicFilterInvalid]);
});

test('nobody publishes there, and no will lies there', async (t) => {
  const { connect } = await embed(t, { settings: { authorization: { rules: [everything] } } });
  const client = await connect();
  for (const topic of ['$history/end', '$history-live/x', '$delayed/1/$history/end']) {
    for (const qos of [1, 2] as const) assert.equal(await client.publish({ topic, qos }), TopicNameInvalid);
  }
  await assert.rejects(connect({ clientId: 'dies', will: { topic: '$history/end', payload: 'x' } }), /0x90/);
});

test('no prefix opens what the rules deny, and a rule that changes holds for the very next message', async (t) => {
  const rules = [{ permission: 'deny', action: 'subscribe', topics: ['secret/#'] }, everything] as const;
  const { broker, connect } = await embed(t, { settings: { authorization: { rules } } });
  for (let index = 0; index < 40; index += 1) {
    await broker.publish({ topic: 'secret/1', payload: 'secret', qos: 1 });
    await broker.publish({ topic: 'open/1', payload: `open ${index}`, qos: 1 });
    await broker.publish({ topic: 'soon/1', payload: `soon ${index}`, qos: 1 });
  }
  const client = await connect({ clientId: 'c', ...durable, properties: { receiveMaximum: 6, sessionExpiryInterval: 3600 } });
  for (const prefix of ['$history/-1h/', '$history-live/-1h/', '$history/last:3/']) {
    const denied = ['secret/1', 'secret/+', 'secret/#'].map((filter) => ({ filter: prefix + filter, qos: 1 as const }));
    assert.deepEqual(
      await client.subscribe(denied),
      denied.map(() => NotAuthorized),
    );
  }
  await client.subscribe({ filter: '$history/-1h/#', qos: 1 });
  const before = [];
  for (let index = 0; index < 6; index += 1) before.push(await client.expect('publish'));
  assert.ok(before.some(({ topic }) => topic === 'soon/1'));
  const stricter = [{ permission: 'deny', action: 'subscribe', topics: ['soon/#', 'secret/#'] }, everything];
  await broker.reload(loadConfig({ overrides: { ...settings, authorization: { rules: stricter } } }));
  for (const message of before) await client.acknowledge(message);
  const { messages } = await readAll(client);
  assert.deepEqual(new Set(messages.map(({ topic }) => topic)), new Set(['open/1']));
  assert.equal(messages.length + before.filter(({ topic }) => topic === 'open/1').length, 40);
});

test('QoS 0 over the write budget is a gap that is told', async (t) => {
  const { broker, connect } = await embed(t, { settings: { history: { qos0BytesPerSecond: '0' } } });
  await broker.publish({ topic: 't', payload: '1', qos: 1 });
  for (let index = 0; index < 7; index += 1) await broker.publish({ topic: 'u', payload: 'not kept' });
  await broker.publish({ topic: 't', payload: '2', qos: 1 });
  const client = await connect();
  await client.subscribe({ filter: '$history/-1h/t', qos: 0 });
  const { messages } = await readAll(client);
  assert.deepEqual(
    messages.map(({ payload, properties }) => [payload, properties['history-missed']]),
    [
      ['1', undefined],
      ['2', '7'],
    ],
  );
});

test('an automatic subscription to a live reading: what was said before, then what is said', async (t) => {
  const { broker, connect } = await embed(t, { settings: { autoSubscribe: { topics: [{ topic: '$history-live/last:1/s/#', qos: 1 }] } } });
  await publishNumbers(broker, 6);
  const client = await connect();
  const seen: string[] = [];
  for (let index = 0; index < 3; index += 1) seen.push((await client.receive()).payload.toString());
  await broker.publish({ topic: 's/0', payload: 'live', qos: 1 });
  seen.push((await client.receive()).payload.toString());
  assert.deepEqual(seen, ['3', '4', '5', 'live']);
});

const mosquitto = needs('/usr/bin/mosquitto_sub', 'mosquitto-clients');

test('mosquitto_sub reads the last hour and the last ten, by MQTT 3.1.1 and 5', mosquitto, async (t) => {
  const { broker, target } = await embed(t);
  await publishNumbers(broker, 45);
  const common = ['-h', '127.0.0.1', '-p', `${target.port}`, '-W', '10', '-q', '1'];
  const hour = await run('mosquitto_sub', [...common, '-t', '$history/-1h/s/+', '-C', '46', '-F', '%t %p']);
  const lines = hour.stdout.trim().split('\n');
  assert.deepEqual(
    lines.slice(0, 45),
    numbers(0, 45).map((number) => `s/${Number(number) % 3} ${number}`),
  );
  assert.match(lines[45], /^\$history\/end \{"filter":"\$history\/-1h\/s\/\+","messages":45,"next":\d+\}$/);
  const ten = await run('mosquitto_sub', [...common, '-V', '5', '-t', '$history/last:10/s/1', '-C', '11', '-F', '%p %P']);
  const tenLines = ten.stdout.trim().split('\n');
  assert.deepEqual(
    tenLines.slice(0, 10).map((line) => Number(line.split(' ')[0])),
    Array.from({ length: 10 }, (_, index) => 16 + 3 * index),
  );
  for (const line of tenLines.slice(0, 10)) assert.match(line, /history-offset:\d+ .*history-time:\d{4}-\d\d-\d\dT/);
  assert.match(tenLines[10], /history-end:\$history\/last:10\/s\/1/);
});

test('paho reads the last hour', needs(pahoFile, 'python3-paho-mqtt'), async (t) => {
  const { broker, target } = await embed(t);
  await publishNumbers(broker, 45);
  for (const version of [4, 5] as const) {
    const paho = await PahoClient.start(t, { port: target.port, version, clientId: `paho${version}`, filters: ['$history/-1h/s/+'] });
    assert.deepEqual(await paho.next(), { event: 'subscribe', granted: [1] });
    for (let index = 0; index < 45; index += 1) {
      const event = await paho.next();
      assert.ok(event.event === 'message' && event.topic === `s/${index % 3}` && event.payload === `${index}`);
    }
    const end = await paho.next();
    assert.ok(end.event === 'message' && end.topic === '$history/end');
  }
});
