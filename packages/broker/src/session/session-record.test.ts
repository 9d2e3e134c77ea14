import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMessage } from '#message/message.ts';
import { MemoryStore } from '#store/memory/memory-store.ts';
import { Batch, type Store } from '#store/store.ts';
import {
  deleteSession,
  deleteSubscription,
  putFacts,
  putIncoming,
  putSubscription,
  putWill,
  readSessions,
  type SessionFacts,
  type StoredSession,
  type StoredSubscription,
} from './session-record.ts';
import { Will } from './will.ts';

const facts: SessionFacts = {
  clientId: 'grün',
  owner: 'user:anna',
  principal: { kind: 'user', name: 'anna', attributes: { site: 'b' } },
  createdAtMs: 1_893_456_000_000,
  expiryInterval: 0xffffffff,
  expiresAtMs: 0,
  isConnected: true,
  isEnded: false,
  willDelay: 30,
  willAtMs: 1_893_456_030_000,
};
const subscription: StoredSubscription = {
  text: '$share/g/a/+',
  number: 300,
  qos: 2,
  noLocal: true,
  retainAsPublished: true,
  retainHandling: 1,
  identifier: 268_435_455,
};

describe('the records of a session', () => {
  test('come back as they were written, session by session', async () => {
    const store = new MemoryStore();
    const batch = new Batch();
    putFacts(batch, 70_000, { ...facts, clientId: 'other' });
    putFacts(batch, 3, facts);
    putIncoming(batch, 3, new Set([65_535, 1, 300]));
    putSubscription(batch, 3, subscription);
    putSubscription(batch, 3, { ...subscription, text: 'b', number: 2 });
    putWill(batch, 3, new Will(createMessage({ topic: 'w', payload: 'gone', qos: 1, retain: true, publisher: 'p', receivedAtMs: 5 }), 30));
    await store.commit(batch);

    const sessions = await read(store);
    assert.deepEqual([...sessions.keys()], [3, 70_000]);
    const session = sessions.get(3)!;
    assert.deepEqual(session.facts, facts);
    assert.deepEqual(session.incoming, [65_535, 1, 300]);
    assert.deepEqual(session.subscriptions, [{ ...subscription, text: 'b', number: 2 }, subscription]);
    const will = session.will!;
    assert.deepEqual([will.topic, will.payload.toString(), will.qos, will.retain], ['w', 'gone', 1, true]);
    assert.deepEqual(
      { ...sessions.get(70_000)!, facts: null, principalForm: null },
      { number: 70_000, facts: null, principalForm: null, incoming: [], subscriptions: [], will: null },
    );
  });

  test('go part by part', async () => {
    const store = new MemoryStore();
    const batch = new Batch();
    putFacts(batch, 1, facts);
    putIncoming(batch, 1, new Set([1]));
    putSubscription(batch, 1, subscription);
    putWill(batch, 1, new Will(createMessage({ topic: 'w', publisher: 'p', receivedAtMs: 5 }), 0));
    putIncoming(batch, 1, new Set());
    putWill(batch, 1, null);
    deleteSubscription(batch, 1, subscription.number);
    await store.commit(batch);
    const { principalForm: _, ...rest } = (await read(store)).get(1)!;
    assert.deepEqual(rest, { number: 1, facts, incoming: [], subscriptions: [], will: null });

    const last = new Batch();
    deleteSession(last, 1);
    await store.commit(last);
    assert.equal(await store.count('session'), 0);
  });

  test('stay together where a page of the store ends between them', async () => {
    const store = new MemoryStore();
    const batch = new Batch();
    // With three records each, no number of sessions fills a page of 256.
    const numbers = Array.from({ length: 300 }, (_, i) => i + 1);
    for (const number of numbers) {
      putFacts(batch, number, { ...facts, clientId: `c${number}` });
      for (const own of [1, 2]) putSubscription(batch, number, { ...subscription, text: `${number}/${own}`, number: own });
    }
    await store.commit(batch);

    const found: StoredSession[] = [];
    for await (const page of readSessions(store)) found.push(...page);
    assert.deepEqual(
      found.map(({ number, facts: own, subscriptions }) => [number, own?.clientId, subscriptions.map(({ text }) => text)]),
      numbers.map((number) => [number, `c${number}`, [`${number}/1`, `${number}/2`]]),
    );
  });
});

async function read(store: Store): Promise<Map<number, StoredSession>> {
  const sessions = new Map<number, StoredSession>();
  for await (const page of readSessions(store)) for (const session of page) sessions.set(session.number, session);
  return sessions;
}

test('the facts of a session take the same room whatever becomes of it, so that a full disk keeps nobody from coming back', () => {
  const sizeOf = (changed: Partial<SessionFacts>): number => {
    const batch = new Batch();
    putFacts(batch, 1, { ...facts, ...changed });
    return batch.changes[0].value!.length;
  };
  const away = { isConnected: false, expiresAtMs: 1_893_456_000_000, willAtMs: 0, willDelay: 0xffffffff };
  const sizes = new Set([sizeOf({}), sizeOf(away), sizeOf({ expiryInterval: 0 }), sizeOf({ willAtMs: 0, willDelay: 0 })]);
  assert.equal(sizes.size, 1);
});
