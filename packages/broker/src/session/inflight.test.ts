import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Delivery } from '#message/delivery.ts';
import { createMessage } from '#message/message.ts';
import { Inflight } from './inflight.ts';

const message = createMessage({ topic: 't', publisher: 'p', receivedAtMs: 0 });

function delivery(packetId = 0): Delivery {
  const made = new Delivery(message, 1, false, null);
  made.packetId = packetId;
  return made;
}

describe('inflight', () => {
  test('gives identifiers in turn, from 1, each for one delivery at a time [MQTT-2.2.1-3]', () => {
    const inflight = new Inflight();
    const first = delivery();
    const second = delivery();
    inflight.add(first);
    inflight.add(second);
    assert.deepEqual([first.packetId, second.packetId, inflight.size], [1, 2, 2]);
    inflight.remove(first);
    const third = delivery();
    inflight.add(third);
    assert.equal(third.packetId, 3);
    assert.equal(inflight.get(1), null);
    assert.equal(inflight.get(2), second);
  });

  test('goes on with 1 after 65,535 and passes over what is in use', () => {
    const inflight = new Inflight();
    const old = delivery();
    inflight.add(old);
    for (let packetId = 2; packetId <= 65_535; packetId += 1) {
      const short = delivery();
      inflight.add(short);
      assert.equal(short.packetId, packetId);
      inflight.remove(short);
    }
    const next = delivery();
    inflight.add(next);
    assert.equal(next.packetId, 2);
    assert.deepEqual(inflight.inOrder(), [old, next]);
  });

  test('holds 65,535 at once and finds the identifier that is left', () => {
    const inflight = new Inflight();
    const all = Array.from({ length: 65_535 }, () => delivery());
    for (const one of all) inflight.add(one);
    inflight.remove(all[40_000]);
    const next = delivery();
    inflight.add(next);
    assert.equal(next.packetId, 40_001);
    assert.equal(inflight.size, 65_535);
  });

  test('keeps the identifiers of before a restart and goes on behind them', () => {
    const inflight = new Inflight();
    const restored = [65_534, 65_535, 1, 2].map(delivery);
    for (const one of restored) inflight.restore(one);
    const next = delivery();
    inflight.add(next);
    assert.equal(next.packetId, 3);
    assert.deepEqual(inflight.inOrder(), [...restored, next]);
  });

  test('is empty after clear, and of use again', () => {
    const inflight = new Inflight();
    inflight.add(delivery());
    inflight.clear();
    assert.deepEqual([inflight.size, inflight.get(1), inflight.inOrder()], [0, null, []]);
    const next = delivery();
    inflight.add(next);
    assert.equal(inflight.get(next.packetId), next);
  });

  test('behaves as a map in order of insertion', () => {
    const step = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: fc.nat(1000) });
    fc.assert(
      fc.property(fc.nat(65_534), fc.array(step, { maxLength: 300 }), (start, steps) => {
        const inflight = new Inflight();
        const model = new Map<number, Delivery>();
        const first = delivery(start + 1);
        inflight.restore(first);
        model.set(first.packetId, first);
        for (const at of steps) {
          if (at === null) {
            const added = delivery();
            inflight.add(added);
            assert.equal(model.has(added.packetId), false);
            model.set(added.packetId, added);
          } else if (model.size > 0) {
            const removed = [...model.values()][at % model.size];
            model.delete(removed.packetId);
            inflight.remove(removed);
            assert.equal(inflight.get(removed.packetId), null);
          }
          assert.equal(inflight.size, model.size);
        }
        assert.deepEqual(inflight.inOrder(), [...model.values()]);
        assert.equal(inflight.oldest, model.values().next().value ?? null);
        for (const [packetId, one] of model) assert.equal(inflight.get(packetId), one);
      }),
    );
  });
});
