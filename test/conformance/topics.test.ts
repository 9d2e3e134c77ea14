import assert from 'node:assert/strict';
import { publishBytes, subscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Section 4.7.

// Without rules nobody may use topics that begin with $.
const rules = [{ permission: 'allow', action: 'all', topics: ['#', '$own/#'] }];
const house = useBroker({ wrenmq: { authorization: { rules } } });
const all: readonly ProtocolVersion[] = [3, 4, 5];

// Filter, then the topics that match it, then those that do not (the examples of the standard among them). ~ stands for a name of the test's own.
const matching: readonly (readonly [filter: string, matches: readonly string[], others: readonly string[]])[] = [
  [
    '~/tennis/player1/#',
    ['~/tennis/player1', '~/tennis/player1/ranking', '~/tennis/player1/score/wimbledon'],
    ['~/tennis', '~/tennis/player12'],
  ],
  ['~/#', ['~', '~/a', '~//', '~/a/b/c'], ['~x', '~x/a']],
  ['~/tennis/+', ['~/tennis/player1', '~/tennis/'], ['~/tennis/player1/ranking', '~/tennis']],
  ['~/+', ['~/finance', '~/'], ['~', '~/a/b']],
  ['~/+/+', ['~//finance', '~/a/b', '~//'], ['~/a', '~/a/b/c']],
  ['~/+/x/#', ['~/a/x', '~//x/y'], ['~/a/y', '~/x']],
  ['~//b', ['~//b'], ['~/b', '~/a/b']],
  ['~/a b', ['~/a b'], ['~/a', '~/ab']],
];

testVersions(
  all,
  '[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] wildcards match what the standard says',
  {},
  async (t, version) => {
    for (const [filter, matches, others] of matching) {
      const own = unique('match');
      const subscriber = await house.client(t, version);
      await subscriber.subscribe({ filter: filter.replace('~', own), qos: 0 });
      const publisher = await house.client(t, version);
      const topics = [...others, ...matches].map((topic) => topic.replace('~', own));
      publisher.send(...topics.map((topic) => publishBytes(version, { topic })));
      for (const topic of matches) assert.equal((await subscriber.receive()).topic, topic.replace('~', own), filter);
      await subscriber.expectNothing();
    }
  },
);

testVersions(
  all,
  '[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] a filter with a misplaced wildcard is refused',
  {},
  async (t, version) => {
    for (const filter of ['a#', 'a/#/b', '#/a', '##', 'a/b#', 'a+', '+a', 'a/+b/c', '++', 'a/b+/#']) {
      const client = await house.client(t, version);
      client.send(subscribeBytes(version, 1, [{ filter }]));
      const answer = await client.next().catch(() => null);
      if (answer?.type === 'suback') assert.deepEqual(answer.reasonCodes, [version === 5 ? 0x8f : 0x80], filter);
      else if (answer !== null) assert.equal(answer.type, 'disconnect');
    }
  },
);

testVersions(all, '[MQTT-4.7.3-1] [MQTT311-4.7.3-1] an empty filter is refused', {}, async (t, version) => {
  const client = await house.client(t, version);
  client.send(subscribeBytes(version, 1, [{ filter: '' }]));
  const answer = await client.next().catch(() => null);
  if (answer?.type === 'suback') assert.deepEqual(answer.reasonCodes, [version === 5 ? 0x8f : 0x80]);
  else if (answer !== null) assert.equal(answer.type, 'disconnect');
});

testVersions(
  all,
  '[MQTT-4.7.2-1] [MQTT311-4.7.2-1] filters that begin with a wildcard do not match topics that begin with $',
  {},
  async (t, version) => {
    const own = unique('own');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe([{ filter: '#' }, { filter: `+/${own}` }]);
    const direct = await house.client(t, version);
    await direct.subscribe([{ filter: '$own/#', qos: 0 }]);
    const publisher = await house.client(t, version);
    publisher.send(publishBytes(version, { topic: `$own/${own}`, payload: 'x' }));
    await direct.receive();
    const end = unique('end');
    publisher.send(publishBytes(version, { topic: end }));
    for (let message = await subscriber.receive(); message.topic !== end; message = await subscriber.receive()) {
      assert.ok(!message.topic.startsWith('$'), message.topic);
    }
  },
);

testVersions(all, '[MQTT-4.7.3-4] [MQTT311-4.7.3-4] topics are compared byte by byte', {}, async (t, version) => {
  const own = unique('case');
  const pairs = [
    ['é', 'e\u0301'],
    ['A', 'a'],
    ['a', 'a '],
    ['ﬁ', 'fi'],
    ['a/', 'a'],
    ['𝄞', '?'],
    ['\u200b', ''],
  ] as const;
  for (const [one, other] of pairs) {
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: `${own}/${one}`, qos: 0 });
    subscriber.send(publishBytes(version, { topic: `${own}/${other}` }), publishBytes(version, { topic: `${own}/${one}` }));
    assert.equal((await subscriber.receive()).topic, `${own}/${one}`);
    await subscriber.expectNothing();
  }
});

testVersions(
  all,
  '[MQTT-4.7.3-3] [MQTT311-4.7.3-3] a topic may have 65,535 bytes',
  deviation({ mosquitto: 'limits the levels, and drops so long a topic' }),
  async (t, version) => {
    const topic = `${unique('long')}/`.padEnd(65_535, 'x');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 1 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, qos: 1 });
    assert.equal((await subscriber.receive()).topic, topic);
  },
);

testVersions(all, 'a topic has at most 128 levels', deviation({ mosquitto: 'allows 200' }), async (t, version) => {
  const levels = (count: number): string => Array.from({ length: count }, () => 'l').join('/');
  const subscriber = await house.client(t, version);
  assert.deepEqual(await subscriber.subscribe({ filter: levels(128), qos: 0 }), [0]);
  subscriber.send(publishBytes(version, { topic: levels(128) }));
  await subscriber.receive();
  const publisher = await house.client(t, version);
  publisher.send(publishBytes(version, { topic: levels(129) }));
  await expectRefusal(publisher, 0x90);
});
