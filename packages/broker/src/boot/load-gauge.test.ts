import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { LoadGauge, type LoadLimits } from './load-gauge.ts';

function create(limits: Partial<LoadLimits>) {
  const clock = new FakeClock();
  const state = { distanceMs: 50, isEnabled: false };
  const histogram = {
    enable: () => (state.isEnabled = true),
    disable: () => (state.isEnabled = false),
    // As after a reset of the real one: no time at all.
    reset: () => (state.distanceMs = 0),
    percentile: () => state.distanceMs * 1e6,
  };
  const gauge = new LoadGauge(clock, { eventLoopDelayMaxMs: Infinity, memoryBytesMax: Infinity, ...limits }, histogram);
  return { clock, state, gauge };
}

test('an idle event loop, which is looked at every 50 ms, has no delay', () => {
  const { clock, gauge, state } = create({ eventLoopDelayMaxMs: 10 });
  gauge.start();
  assert.equal(state.isEnabled, true);
  state.distanceMs = 51;
  clock.advance(1000);
  assert.deepEqual([gauge.eventLoopDelayP99Ms, gauge.isOverloaded], [1, false]);
});

test('the broker is overloaded as long as the delay of the last second is over the limit', () => {
  const { clock, gauge, state } = create({ eventLoopDelayMaxMs: 100 });
  gauge.start();
  state.distanceMs = 151;
  clock.advance(1000);
  assert.equal(gauge.isOverloaded, true);
  clock.advance(1000);
  assert.equal(gauge.isOverloaded, false);
});

test('memory over the limit is overload, and a new limit holds from the next look', () => {
  const { clock, gauge } = create({ memoryBytesMax: 1 });
  gauge.start();
  assert.equal(gauge.isOverloaded, true);
  gauge.limits = { eventLoopDelayMaxMs: Infinity, memoryBytesMax: Infinity };
  clock.advance(1000);
  assert.equal(gauge.isOverloaded, false);
});

test('after stop nothing is watched any more', () => {
  const { clock, gauge, state } = create({});
  gauge.start();
  gauge.stop();
  assert.deepEqual([clock.pending, state.isEnabled], [0, false]);
});

test('the real histogram begins without delay', () => {
  const gauge = new LoadGauge(new FakeClock(), { eventLoopDelayMaxMs: 0, memoryBytesMax: Infinity });
  gauge.start();
  assert.equal(gauge.isOverloaded, false);
  gauge.stop();
});
