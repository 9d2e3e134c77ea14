import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { Delivery } from './delivery.ts';
import { createMessage, OBSERVED_ALWAYS, OBSERVED_NEVER } from './message.ts';

test('the end of a delivery is observed always, never, or when it has taken so long', () => {
  const clock = new FakeClock();
  clock.advance(50);
  const isObserved = (observedFromMs: number): boolean => {
    const message = createMessage({ topic: 't', publisher: 'p', receivedAtMs: 0 });
    message.routedAtMs = clock.turnMs() - 20;
    message.observedFromMs = observedFromMs;
    return new Delivery(message, 1, false, null).isObserved(clock);
  };
  assert.deepEqual([OBSERVED_ALWAYS, 0, 20, 21, OBSERVED_NEVER].map(isObserved), [true, true, true, false, false]);
});
