import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeSubscription, encodeFacts, encodeSubscription, FactsDecoder } from './session-encoding.ts';
import type { SessionFacts, StoredSubscription } from './session-record.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const seconds = fc.integer({ min: 0, max: 0xffffffff });
const wallMs = fc.integer({ min: 0, max: 1e13 });

const anyFacts: fc.Arbitrary<SessionFacts> = fc
  .record(
    {
      clientId: text,
      owner: text,
      principal: fc.dictionary(text, fc.oneof(text, fc.boolean(), fc.constant(null), fc.nat())),
      createdAtMs: wallMs,
      expiryInterval: seconds,
      expiresAtMs: wallMs,
      isConnected: fc.boolean(),
      isEnded: fc.boolean(),
      willDelay: seconds,
      willAtMs: wallMs,
    },
    { noNullPrototype: true },
  )
  .chain((facts) =>
    // As the room above has it: the client, its owner and the user come twice.
    fc.tuple(fc.boolean(), fc.option(text), text).map(([isUsual, username, peerAddress]) => {
      if (!isUsual) return facts;
      const owner = username === null ? facts.owner : `user:${username}`;
      return { ...facts, owner, principal: { clientId: facts.clientId, ...facts.principal, username, peerAddress, owner } };
    }),
  );

const anySubscription: fc.Arbitrary<StoredSubscription> = fc
  .record(
    {
      text,
      number: seconds,
      qos: fc.constantFrom(0, 1, 2),
      noLocal: fc.boolean(),
      retainAsPublished: fc.boolean(),
      retainHandling: fc.constantFrom(0, 1, 2),
      identifier: fc.integer({ min: 0, max: 268_435_455 }),
    },
    { noNullPrototype: true },
  )
  .chain((subscription) => fc.option(text).map((match) => (match === null ? subscription : { ...subscription, match })));

test('whatever the facts of a session are, they come back', () => {
  const decoder = new FactsDecoder();
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const plain = { ...facts, principal: JSON.parse(JSON.stringify(facts.principal)) as object };
      assert.deepEqual(decoder.decode(encodeFacts(plain)), plain);
    }),
    { seed: 1 },
  );
});

test('whatever a subscription asks for, it comes back', () => {
  fc.assert(
    fc.property(anySubscription, (subscription) => {
      assert.deepEqual(decodeSubscription(encodeSubscription(subscription), subscription.number), subscription);
    }),
    { seed: 1 },
  );
});

test('records from before, in JSON, are read', () => {
  fc.assert(
    fc.property(anyFacts, anySubscription, (facts, { number, ...subscription }) => {
      const before = Buffer.from(`${JSON.stringify(facts)}   `);
      assert.deepEqual(new FactsDecoder().decode(before), JSON.parse(JSON.stringify(facts)));
      assert.deepEqual(decodeSubscription(Buffer.from(JSON.stringify(subscription)), number), { ...subscription, number });
    }),
    { seed: 1 },
  );
});
