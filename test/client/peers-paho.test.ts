/** paho 1.6 for Python on the other side, in both versions, at each broker that has them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LaunchedProcess } from '@wrenmq/testkit';
import { take, texts } from './client-broker.ts';
import { Meeting, pahoIsMissing, type Peer, peers, type Version } from './peers.ts';

const options = { timeout: 60_000 };
/** Debian's own, which has the packages of Debian. */
const python = '/usr/bin/python3';

for (const peer of peers) {
  describe(`paho at ${peer.name}`, { skip: pahoIsMissing || peer.skip }, () => {
    let broker: Awaited<ReturnType<Peer['launch']>>;
    before(async () => {
      broker = await peer.launch();
    });
    after(() => broker[Symbol.asyncDispose]());
    for (const version of peer.versions)
      describe(`MQTT ${version}`, () => defineSuite(version, () => new Meeting(peer, broker, version, 'TCP')));
  });
}

function defineSuite(version: Version, meet: () => Meeting): void {
  let paho: LaunchedProcess;
  before(async () => {
    paho = await LaunchedProcess.launch({
      command: python,
      args: ['-B', join(import.meta.dirname, 'python', 'paho_peer.py'), `${meet().port}`, version],
      isReady: (line) => line.includes('ready'),
    });
  });
  after(() => paho.kill('SIGKILL'));

  defineMessages(meet);
  if (version === '5') defineProperties(meet);

  // The last: it ends paho.
  test('the will of one is a message to the other', options, async () => {
    await using meeting = meet();
    const stream = await meeting.client().subscribe('answer/will', { qos: 2 });
    const { client, cut } = await meeting.clientThatCanBeCut({ reconnect: false, will: { topic: 'ask/will', payload: 'ours', qos: 1 } });
    await client.online();
    cut();
    assert.deepEqual(texts(await take(stream, 1)), ['ours']);
    await paho.kill('SIGKILL');
    const [will] = await take(stream, 1);
    assert.deepEqual([will.text(), will.qos], ['gone ©', 2]);
  });
}

function defineMessages(meet: () => Meeting): void {
  test('messages of every QoS go to paho and come back, text and bytes, with any letters in their topics', options, async () => {
    await using meeting = meet();
    const client = meeting.client();
    const stream = await client.subscribe('answer/{name}/{n}', { qos: 2 });
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    for (const qos of [0, 1, 2] as const) {
      await client.publish(`ask/客厅😀/${qos}`, `25 °C at ${qos}`, { qos });
      await client.publish(`ask/bytes/${qos}`, bytes, { qos });
    }
    const messages = (await take(stream, 6)).toSorted((a, b) => a.qos - b.qos || a.params.name.localeCompare(b.params.name));
    for (const [index, message] of messages.entries()) {
      const qos = Math.floor(index / 2);
      assert.deepEqual([message.qos, message.params.n, message.retain, message.dup], [qos, `${qos}`, false, false]);
      if (message.params.name === 'bytes') assert.deepEqual([...message.payload], [...bytes]);
      else assert.deepEqual([message.params.name, message.text()], ['客厅😀', `25 °C at ${qos}`]);
    }
  });

  test('many messages go to paho and come back in order', options, async () => {
    await using meeting = meet();
    const client = meeting.client();
    const stream = await client.subscribe('answer/many', { qos: 2 });
    const expected = Array.from({ length: 500 }, (_, index) => `${index}`);
    await Promise.all(expected.map((text) => client.publish('ask/many', text, { qos: 2 })));
    assert.deepEqual(texts(await take(stream, 500)), expected);
  });

  test('what paho retains is there for us', options, async () => {
    await using meeting = meet();
    const client = meeting.client();
    const live = await client.subscribe('answer/keep', { qos: 1 });
    await client.publish('ask/keep', 'kept', { qos: 1 });
    await take(live, 1);
    const [message] = await take(await meeting.client().subscribe('answer/keep', { qos: 1 }), 1);
    assert.deepEqual([message.text(), message.retain], ['kept', true]);
    await client.publish('answer/keep', '', { qos: 1, retain: true });
  });
}

function defineProperties(meet: () => Meeting): void {
  const userProperties: [string, string][] = [
    ['k', '1'],
    ['ä', ''],
    ['k', '2'],
  ];

  test('properties go to paho and come back, in their order', options, async () => {
    await using meeting = meet();
    const client = meeting.client();
    const stream = await client.subscribe('answer/properties', { qos: 1 });
    const correlationData = Uint8Array.of(0, 255, 7);
    const sent = { contentType: 'text/plain; charset=utf-8', correlationData, userProperties };
    await client.publish('ask/properties', 'x', { qos: 1, expiry: 3_600, ...sent });
    const [message] = await take(stream, 1);
    assert.deepEqual([message.contentType, message.payloadFormatIndicator], [sent.contentType, 1]);
    assert.deepEqual(message.userProperties, userProperties);
    assert.deepEqual([...(message.correlationData ?? [])], [...correlationData]);
    const { expiry = 0 } = message;
    assert.ok(expiry > 3_500 && expiry <= 3_600, `${expiry}`);
  });

  test('paho answers a request', options, async () => {
    await using meeting = meet();
    const answer = await meeting.client().request('ask/request', 'question', { userProperties });
    assert.deepEqual([answer.text(), answer.userProperties], ['question', userProperties]);
  });
}
