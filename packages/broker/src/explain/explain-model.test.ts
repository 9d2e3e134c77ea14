import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EXPLAIN_BYTES_MIN } from './decisions.ts';
import { type Fate, TestExplainedHouse } from './test-explained-house.ts';

const clientIds = ['a', 'b', 'c'];
const topics = ['t', 't/u', 'v'];
/** So far apart that a question about one message is not about the next. */
const APART_MS = 130_000;

const client = fc.constantFrom(...clientIds);
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const filter = fc.constantFrom('t', 't/#', '+', '+/u', 'v', '#');
const step = fc.oneof(
  fc.record({ do: fc.constant('connect' as const), client, isDurable: fc.boolean(), cleanStart: fc.boolean() }),
  fc.record({ do: fc.constant('disconnect' as const), client }),
  fc.record({ do: fc.constant('subscribe' as const), client, filter, qos, noLocal: fc.boolean() }),
  fc.record({ do: fc.constant('unsubscribe' as const), client, filter }),
  fc.record({ do: fc.constant('publish' as const), client, topic: fc.constantFrom(...topics), qos }),
);

interface Published {
  readonly topic: string;
  readonly atMs: number;
  readonly fates: ReadonlyMap<string, Fate>;
}

/** Does what the steps say, some milliseconds apart, and remembers everything. */
function replay(house: TestExplainedHouse, steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): Published[] {
  const published: Published[] = [];
  for (const one of steps) {
    house.clock.advance(3);
    if (one.do === 'connect') house.connect(one.client, one.isDurable, one.cleanStart);
    else if (one.do === 'disconnect') house.disconnect(one.client);
    else if (one.do === 'subscribe') house.subscribe(one.client, one.filter, one.qos, one.noLocal);
    else if (one.do === 'unsubscribe') house.unsubscribe(one.client, one.filter);
    else {
      house.clock.advance(APART_MS);
      const atMs = house.clock.wallMs();
      published.push({ topic: one.topic, atMs, fates: house.publish(one.topic, one.qos, one.client, clientIds) });
      house.kept.push({ topic: one.topic, receivedAtMs: atMs, publisher: one.client, offset: published.length });
      house.clock.advance(APART_MS);
    }
  }
  return published;
}

test('against a record of everything: for every message and client the answer is what became of it, whatever happened since', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const house = new TestExplainedHouse();
      for (const { topic, atMs, fates } of replay(house, steps)) {
        for (const [clientId, { kind }] of fates) {
          const { findings } = await house.explainer.explain({ clientId, topic, at: atMs + 20_000 });
          const found = findings[0].kind;
          // What waited when its session ended ended with it.
          if (kind === 'queued' && found === 'session-ended') continue;
          // The house does not say when what waited was sent.
          if (kind === 'queued' && found === 'not-known' && house.session(clientId)?.isConnected === true) continue;
          assert.equal(found, kind, `${topic} for ${clientId}`);
          assert.equal(findings[0].atMs >= atMs && findings.length, 1);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('with little memory, the answer is what became of the message or that this is not known any more, never anything else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), fc.integer({ min: 0, max: 3000 }), async (steps, noise) => {
      const house = new TestExplainedHouse(EXPLAIN_BYTES_MIN);
      const published = replay(house, steps);
      for (let i = 0; i < noise; i += 1) house.connect(`noise-${i}`, false, true);
      const { reachesBackToMs } = house.decisions;
      for (const { topic, atMs, fates } of published) {
        const at = atMs + 20_000;
        for (const [clientId, { kind }] of fates) {
          const { findings } = await house.explainer.explain({ clientId, topic, at });
          const found = findings[0].kind;
          if (at >= reachesBackToMs && found === kind) continue;
          const hasEnded = kind === 'queued' && (found === 'session-ended' || found === 'not-known');
          const isOnEdge = atMs <= reachesBackToMs && at >= reachesBackToMs;
          assert.ok(hasEnded || isOnEdge || (at < reachesBackToMs && found === 'not-known'), `${found} for ${kind}`);
          if (at < reachesBackToMs) assert.equal(findings[0].kind === 'not-known' && findings[0].offset !== null, true);
        }
      }
    }),
    { numRuns: 60 },
  );
});
