import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seatOf } from './seat-of.ts';
import { planTopology, type Scenario } from './topology.ts';

function seats(scenario: Scenario, clients: number, workers: number): { readonly publishers: number[]; readonly subscribers: number[] } {
  const topology = planTopology({ scenario, clients, topics: undefined, prefix: 'p', share: undefined });
  const { publishers, subscribers } = topology;
  const all = Array.from({ length: publishers.length + subscribers.length }, (_, client) => seatOf(topology, client, workers));
  return { publishers: all.slice(0, publishers.length), subscribers: all.slice(publishers.length) };
}

test('pairs stay together, and receivers are dealt out', () => {
  assert.deepEqual(seats('pubsub', 5, 2), { publishers: [0, 1, 0, 1, 0], subscribers: [0, 1, 0, 1, 0] });
  assert.deepEqual(seats('fanout', 3, 2), { publishers: [0], subscribers: [0, 1, 0] });
  assert.deepEqual(seats('pub', 3, 3), { publishers: [0, 1, 2], subscribers: [] });
});

test('who hears all of many has a worker alone, where there is more than one', () => {
  for (const scenario of ['fanin', 'rr'] as const) {
    assert.deepEqual(seats(scenario, 4, 3), { publishers: [1, 2, 1, 2], subscribers: [0] });
    assert.deepEqual(seats(scenario, 2, 1), { publishers: [0, 0], subscribers: [0] });
  }
});
