import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Delivery } from '#message/delivery.ts';
import { BodyKind, createMessage, Message } from '#message/message.ts';
import { MemoryQueue } from './memory-queue.ts';

function delivery(payload: string): Delivery {
  return new Delivery(createMessage({ topic: 't', payload, publisher: 'p', receivedAtMs: 0 }), 1, false, null);
}

describe('the memory queue', () => {
  test('hands out first what came first, and knows what it weighs', () => {
    const queue = new MemoryQueue();
    assert.equal(queue.next(), null);
    const [first, second] = [delivery('one'), delivery('three')];
    queue.push(first);
    const bytesOfFirst = queue.bytes;
    queue.push(second);
    assert.deepEqual([queue.size, queue.bytes], [2, 2 * bytesOfFirst + 2]);
    assert.equal(queue.next(), first);
    assert.deepEqual([queue.size, queue.bytes], [1, bytesOfFirst + 2]);
    assert.equal(queue.next(), second);
    assert.deepEqual([queue.size, queue.bytes, queue.next()], [0, 0, null]);
  });

  test('keeps messages when the buffer that they came in is used again', () => {
    const bytes = Buffer.from('..tpayload');
    const slices = {
      topicStart: 2,
      topicEnd: 3,
      propertiesStart: 3,
      propertiesEnd: 3,
      payloadStart: 3,
      payloadEnd: 10,
      messageExpiryAt: -1,
    };
    const origin = { qos: 1, retain: false, expiresAtMs: 0, receivedAtMs: 0, publisher: 'p', bodyKind: BodyKind.V3 } as const;
    const queue = new MemoryQueue();
    queue.push(new Delivery(new Message('t', bytes, slices, origin), 1, false, null));
    bytes.fill(0);
    assert.equal(queue.next()?.message.payload.toString(), 'payload');
  });

  test('behaves as an array, however long it gets', () => {
    const push = fc.integer({ min: 1, max: 2000 });
    const take = fc.integer({ min: -3000, max: -1 });
    fc.assert(
      fc.property(fc.array(fc.oneof(push, take), { maxLength: 12 }), (steps) => {
        const queue = new MemoryQueue();
        const model: Delivery[] = [];
        const single = new MemoryQueue();
        single.push(delivery('x'));
        for (const step of steps) {
          for (let i = 0; i < step; i += 1) {
            const one = delivery('x');
            queue.push(one);
            model.push(one);
          }
          for (let i = 0; i > step; i -= 1) assert.equal(queue.next(), model.shift() ?? null);
          assert.deepEqual([queue.size, queue.bytes], [model.length, single.bytes * model.length]);
        }
      }),
      { numRuns: 30 },
    );
  });
});
