import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '@wrenmq/client';
import { embed } from '#root/test/embedding/start.ts';

// What the broker takes off a filter, the client does not look for in topics.

for (const filter of ['$exclusive/t/+', '$queue/t/#', '$share/g/t/1']) {
  test(`messages of ${filter} reach those who asked for it`, { timeout: 10_000 }, async (t) => {
    const { broker, target } = await embed(t);
    await using client = await connect(`mqtt://127.0.0.1:${target.port}`);
    await using messages = await client.subscribe(filter, { qos: 1 });
    await broker.publish({ topic: 't/1', payload: 'x', qos: 1 });
    const { value } = await messages[Symbol.asyncIterator]().next();
    assert.deepEqual([value?.topic, value?.text()], ['t/1', 'x']);
  });
}
