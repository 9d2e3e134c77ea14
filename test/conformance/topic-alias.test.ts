import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishBytes } from '@wrenmq/testkit';
import { expectRefusal, unique, useBroker } from './conformance.ts';

// Sections 3.3.2.3.4 and 3.2.2.3.8.

const house = useBroker();

test('[MQTT-3.3.2-12] every Topic Alias up to the announced maximum is understood', {}, async (t) => {
  const topic = unique('alias');
  const subscriber = await house.client(t);
  await subscriber.subscribe({ filter: `${topic}/#`, qos: 1 });
  const publisher = await house.open(t);
  const { topicAliasMaximum = 0 } = (await publisher.connect({ clientId: unique('alias') })).properties;
  assert.ok(topicAliasMaximum > 0);
  for (let topicAlias = 1; topicAlias <= topicAliasMaximum; topicAlias += 1) {
    publisher.send(publishBytes(5, { topic: `${topic}/${topicAlias}`, properties: { topicAlias } }));
    assert.equal((await subscriber.receive()).topic, `${topic}/${topicAlias}`);
  }
  for (const topicAlias of [topicAliasMaximum, 1]) {
    await publisher.publish({ topic: '', qos: 1, properties: { topicAlias } });
    const message = await subscriber.receive();
    assert.deepEqual([message.topic, message.properties], [`${topic}/${topicAlias}`, {}]);
  }
  publisher.send(
    publishBytes(5, { topic: `${topic}/moved`, properties: { topicAlias: 1 } }),
    publishBytes(5, { topic: '', properties: { topicAlias: 1 } }),
  );
  for (let i = 0; i < 2; i += 1) assert.equal((await subscriber.receive()).topic, `${topic}/moved`);
});

test('[MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.2.2-17] a Topic Alias of 0 or above the maximum is refused with 0x94', {}, async (t) => {
  for (const pick of [() => 0, (maximum: number) => maximum + 1, () => 65_535]) {
    const client = await house.open(t);
    const { topicAliasMaximum = 0 } = (await client.connect({ clientId: unique('alias') })).properties;
    client.send(publishBytes(5, { topic: 'a', properties: { topicAlias: pick(topicAliasMaximum) } }));
    await expectRefusal(client, 0x94);
  }
});

test('a Topic Alias that was never set is a Protocol Error', {}, async (t) => {
  const client = await house.client(t);
  client.send(publishBytes(5, { topic: '', properties: { topicAlias: 3 } }));
  await expectRefusal(client, 0x82, 0x94);
});

test('[MQTT-3.3.2-7] Topic Aliases end with their connection', {}, async (t) => {
  const options = { clientId: unique('alias'), clean: false, properties: { sessionExpiryInterval: 60 } };
  const first = await house.client(t, 5, options);
  await first.publish({ topic: unique('alias'), qos: 1, properties: { topicAlias: 1 } });
  await first.cut();
  const second = await house.client(t, 5, options);
  second.send(publishBytes(5, { topic: '', properties: { topicAlias: 1 } }));
  await expectRefusal(second, 0x82, 0x94);
});

test(
  '[MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11] the broker uses Topic Aliases only up to the maximum of the client, and each names its topic',
  {},
  async (t) => {
    const topic = unique('alias');
    const publisher = await house.client(t);
    for (const topicAliasMaximum of [undefined, 0, 2]) {
      const properties = topicAliasMaximum === undefined ? {} : { topicAliasMaximum };
      const subscriber = await house.client(t, 5, { properties });
      await subscriber.subscribe({ filter: `${topic}/#`, qos: 1 });
      const names = new Map<number, string>();
      for (let i = 0; i < 30; i += 1) {
        const sent = `${topic}/a/rather/long/topic/name/${i % 5}`;
        await publisher.publish({ topic: sent, qos: 1 });
        const message = await subscriber.receive();
        const alias = message.properties.topicAlias;
        if (alias !== undefined) {
          assert.ok(alias <= (topicAliasMaximum ?? 0), `alias ${alias}`);
          if (message.topic !== '') names.set(alias, message.topic);
        }
        assert.equal(message.topic === '' ? names.get(alias ?? 0) : message.topic, sent);
      }
    }
  },
);
