/** One suite for every broker, transport and version: what a client must be able to do anywhere. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nextEvent, take, texts } from './client-broker.ts';
import { Meeting, type Peer, peers, type TransportName, type Version } from './peers.ts';

const options = { timeout: 60_000 };

for (const peer of peers) {
  describe(peer.name, { skip: peer.skip }, () => {
    let broker: Awaited<ReturnType<Peer['launch']>>;
    before(async () => {
      broker = await peer.launch();
    });
    after(() => broker[Symbol.asyncDispose]());
    for (const version of peer.versions)
      for (const transport of ['TCP', 'WebSocket'] as const)
        describe(`MQTT ${version} over ${transport}`, () =>
          defineSuite(peer, version, transport, () => new Meeting(peer, broker, version, transport)));
  });
}

function defineSuite(peer: Peer, version: Version, transport: TransportName, meet: () => Meeting): void {
  const root = `${version}/${transport}`;
  defineMessages(root, meet);
  defineLarge(root, peer.largeBytes[transport], meet);
  defineSessions(root, version, peer, meet);
  if (peer.shares) defineSharing(root, meet);
  if (version === '5') defineRequests(root, meet);
}

function defineMessages(root: string, meet: () => Meeting): void {
  test('messages of every QoS go from one client to another and back', options, async () => {
    await using meeting = meet();
    const [left, right] = [meeting.client(), meeting.client()];
    const [toLeft, toRight] = [
      await left.subscribe(`${root}/left/{n}`, { qos: 2 }),
      await right.subscribe(`${root}/right/{n}`, { qos: 2 }),
    ];
    for (const qos of [0, 1, 2] as const) {
      await left.publish(`${root}/right/${qos}`, `${qos}`, { qos });
      await right.publish(`${root}/left/${qos}`, `${qos}`, { qos });
    }
    for (const stream of [toLeft, toRight]) {
      const messages = (await take(stream, 3)).toSorted((a, b) => a.qos - b.qos);
      assert.deepEqual(
        messages.map((message) => [message.params.n, message.text(), message.qos, message.retain]),
        ['0', '1', '2'].map((n) => [n, n, Number(n), false]),
      );
    }
  });

  test('a retained message comes to who subscribes later, to each consumer, until an empty one takes it away', options, async () => {
    await using meeting = meet();
    const client = meeting.client();
    const topic = `${root}/retained`;
    await client.publish(topic, 'state', { qos: 1, retain: true });
    for (const consumer of ['first', 'second']) {
      const [message] = await take(await client.subscribe(topic, { qos: 1 }), 1);
      assert.deepEqual([message.text(), message.retain], ['state', true], consumer);
    }
    await client.publish(topic, '', { qos: 1, retain: true });
    const late = await meeting.client().subscribe(topic, { qos: 1 });
    await client.publish(topic, 'live', { qos: 1 });
    assert.deepEqual(texts(await take(late, 1)), ['live']);
  });

  test('the will of a client whose connection is cut is published', options, async () => {
    await using meeting = meet();
    const wills = await meeting.client().subscribe(`${root}/will`, { qos: 2 });
    const { client, cut } = await meeting.clientThatCanBeCut({
      reconnect: false,
      will: { topic: `${root}/will`, payload: 'gone', qos: 1 },
    });
    await client.online();
    cut();
    const [will] = await take(wills, 1);
    assert.deepEqual([will.text(), will.qos, will.retain], ['gone', 1, false]);
  });

  test('topics have any letters', options, async () => {
    await using meeting = meet();
    const client = meeting.client();
    const stream = await client.subscribe(`${root}/температура/{房间}/ä b/#`, { qos: 1 });
    await client.publish(`${root}/температура/客厅😀/ä b/é\u0301`, '25 °C', { qos: 1 });
    const [message] = await take(stream, 1);
    assert.deepEqual([message.topic, message.text()], [`${root}/температура/客厅😀/ä b/é\u0301`, '25 °C']);
    assert.deepEqual(message.params, { 房间: '客厅😀' });
  });
}

function defineLarge(root: string, bytes: number, meet: () => Meeting): void {
  test(`a payload of ${bytes} bytes arrives as it was`, options, async () => {
    await using meeting = meet();
    const [publisher, subscriber] = [meeting.client(), meeting.client()];
    const stream = await subscriber.subscribe(`${root}/large`, { qos: 2 });
    const payload = Uint8Array.from({ length: bytes }, (_, index) => (index * 31) >> (index % 7));
    const messages = take(stream, 2);
    for (const qos of [0, 2] as const) await publisher.publish(`${root}/large`, payload, { qos });
    for (const message of await messages) assert.ok(Buffer.from(payload).equals(message.payload), `QoS ${message.qos}`);
  });
}

function defineSessions(root: string, version: Version, { fault }: Peer, meet: () => Meeting): void {
  const whenCut = { ...options, skip: fault ?? false };
  test('a session goes on when its connection was cut, and nothing is lost, doubled or out of order', whenCut, async () => {
    await using meeting = meet();
    const session = { expiry: 600 };
    const { client: subscriber, cut } = await meeting.clientThatCanBeCut({ clientId: `subscriber ${root}`, session });
    const stream = await subscriber.subscribe(`${root}/session`, { qos: 2 });
    const { client: publisher, cut: cutPublisher } = await meeting.clientThatCanBeCut({ clientId: `publisher ${root}`, session });
    const published: Promise<unknown>[] = [];
    const publish = (count: number): void => {
      for (let i = 0; i < count; i += 1) published.push(publisher.publish(`${root}/session`, `${published.length}`, { qos: 2 }));
    };
    publish(20);
    await published[0];
    const [online, offline] = [nextEvent(subscriber, 'online'), nextEvent(subscriber, 'offline')];
    cut();
    await offline;
    publish(20);
    cutPublisher();
    publish(20);
    assert.equal(((await online) as { readonly sessionPresent: boolean }).sessionPresent, true);
    await Promise.all(published);
    const expected = Array.from({ length: 60 }, (_, index) => `${index}`);
    await publisher.publish(`${root}/session`, 'end', { qos: 2 });
    assert.deepEqual(texts(await take(stream, 61)), [...expected, 'end']);
  });

  test('a client that comes back finds what came while it was away', options, async () => {
    await using meeting = meet();
    const away = { clientId: `away ${root}`, session: { expiry: 600, resume: 'always' } } as const;
    const first = meeting.client(away);
    await first.subscribe(`${root}/away`, { qos: 1 });
    await first.close();
    await meeting.client().publish(`${root}/away`, 'while away', { qos: 1 });
    const second = meeting.client(away);
    assert.deepEqual(texts(await take(await second.subscribe(`${root}/away`, { qos: 1 }), 1)), ['while away']);
    await second.close(version === '5' ? { sessionExpiry: 0 } : {});
  });
}

function defineSharing(root: string, meet: () => Meeting): void {
  test('the members of a shared subscription get each message once, together', options, async () => {
    await using meeting = meet();
    const seen: string[] = [];
    const all = Promise.withResolvers<void>();
    for (const member of [meeting.client(), meeting.client()]) {
      const onMessage = (message: { text(): string }): void => {
        if (seen.push(message.text()) === 50) all.resolve();
      };
      await member.handle(`${root}/jobs`, onMessage, { qos: 1, share: 'workers' });
    }
    const publisher = meeting.client();
    const expected = Array.from({ length: 50 }, (_, index) => `${index}`);
    await Promise.all(expected.map((text) => publisher.publish(`${root}/jobs`, text, { qos: 1 })));
    await all.promise;
    assert.deepEqual(new Set(seen), new Set(expected));
  });
}

function defineRequests(root: string, meet: () => Meeting): void {
  test('a request is answered, with its properties', options, async () => {
    await using meeting = meet();
    const server = meeting.client();
    await server.handle(
      `${root}/question`,
      async (question) => {
        const { contentType, userProperties } = question;
        assert.deepEqual(
          [contentType, userProperties],
          [
            'text/plain',
            [
              ['k', '1'],
              ['k', '2'],
            ],
          ],
        );
        await question.respond(`${question.text()}!`, { userProperties: [...userProperties, ['by', 'server']] });
      },
      { qos: 1 },
    );
    const userProperties = [
      ['k', '1'],
      ['k', '2'],
    ] as [string, string][];
    const answer = await meeting.client().request(`${root}/question`, 'hello', { contentType: 'text/plain', userProperties });
    assert.deepEqual([answer.text(), answer.userProperties], ['hello!', [...userProperties, ['by', 'server']]]);
  });
}
