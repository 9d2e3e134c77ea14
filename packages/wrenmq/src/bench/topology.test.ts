import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planTopology, type TopologyOptions } from './topology.ts';

const options: TopologyOptions = { scenario: 'pubsub', clients: 2, topics: undefined, prefix: 'p', share: undefined };

test('pairs: publisher and subscriber of the same topic', () => {
  assert.deepEqual(planTopology(options), {
    publishers: [{ streams: [{ id: 0, topic: 'p/0', copies: 1 }] }, { streams: [{ id: 1, topic: 'p/1', copies: 1 }] }],
    subscribers: [{ filters: ['p/0'] }, { filters: ['p/1'] }],
  });
});

test('fan-out: one publisher, a copy for each; fan-in: one subscriber to all; rr: one that answers', () => {
  const fanout = planTopology({ ...options, scenario: 'fanout', clients: 3 });
  assert.deepEqual(fanout.publishers, [{ streams: [{ id: 0, topic: 'p/0', copies: 3 }] }]);
  assert.deepEqual(fanout.subscribers, [{ filters: ['p/0'] }, { filters: ['p/0'] }, { filters: ['p/0'] }]);
  for (const scenario of ['fanin', 'rr'] as const) {
    const { publishers, subscribers } = planTopology({ ...options, scenario, clients: 3 });
    assert.deepEqual(
      publishers.map(({ streams }) => streams[0].topic),
      ['p/0', 'p/1', 'p/2'],
    );
    assert.deepEqual(
      publishers.map(({ streams }) => streams[0].copies),
      [1, 1, 1],
    );
    assert.deepEqual(subscribers, [{ filters: ['p/#'] }]);
  }
});

test('a shared subscription gets one copy, and publishers alone get none back', () => {
  const shared = planTopology({ ...options, scenario: 'fanout', clients: 3, share: 'g' });
  assert.equal(shared.publishers[0].streams[0].copies, 1);
  assert.deepEqual(shared.subscribers[2], { filters: ['$share/g/p/0'] });
  const alone = planTopology({ ...options, scenario: 'pub' });
  assert.deepEqual([alone.publishers[1].streams[0].copies, alone.subscribers.length], [0, 0]);
});

test('every topic has a publisher, copies are what the subscribers get, and streams have an id of their own', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20 }), (clients, topics) => {
      const { publishers, subscribers } = planTopology({ ...options, clients, topics });
      const streams = publishers.flatMap((publisher) => publisher.streams);
      assert.equal(new Set(streams.map(({ topic }) => topic)).size, topics >= clients ? topics : Math.min(topics, clients));
      assert.deepEqual(
        streams.map(({ id }) => id),
        [...streams.keys()],
      );
      for (const { topic, copies } of streams)
        assert.equal(copies, subscribers.filter(({ filters }) => filters.includes(topic)).length, `${topic} of ${topics} for ${clients}`);
    }),
    { seed: 20_261_121 },
  );
});
