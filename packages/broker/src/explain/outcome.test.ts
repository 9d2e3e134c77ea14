import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecisionKind, Step } from './decision.ts';
import type { DecisionEntry } from './decision-ring.ts';
import { OutcomeReader } from './outcome.ts';

function read(...entries: readonly Partial<DecisionEntry>[]): OutcomeReader['outcomes'] {
  const reader = new OutcomeReader();
  const blank = {
    client: 0,
    keyHigh: 0,
    keyLow: 0,
    qos: 2,
    isDuplicate: false,
    retain: false,
    step: 0,
    small: 0,
    number: 7,
    detail: 0,
  } as const;
  for (const [order, entry] of entries.entries()) reader.add({ ...blank, kind: DecisionKind.Sent, order, atMs: order * 10, ...entry });
  return reader.outcomes;
}

test('answers that have entries of their own belong to the PUBLISH with that packet identifier, up to the last', () => {
  const { Stepped } = DecisionKind;
  const [{ transmission }, ...others] = read({}, { kind: Stepped, step: Step.Received }, { kind: Stepped, step: Step.Completed });
  assert.deepEqual(transmission, { packetId: 7, atMs: 0, resentAtMs: null, step: Step.Completed, steppedAtMs: 20 });
  assert.deepEqual(others, []);
});

test('a packet identifier that is used again is that of another message', () => {
  const [first, second] = read(
    { step: Step.Completed, detail: 5 },
    {},
    { isDuplicate: true },
    { kind: DecisionKind.Stepped, step: Step.Received },
  );
  assert.deepEqual([first.transmission!.steppedAtMs, first.transmission!.resentAtMs], [5, null]);
  assert.deepEqual(second.transmission, { packetId: 7, atMs: 10, resentAtMs: 20, step: Step.Received, steppedAtMs: 30 });
});

test('what was sent before the record begins is an outcome when it is sent again', () => {
  const [{ how, transmission }] = read({ isDuplicate: true });
  assert.equal(how, 'sent');
  assert.equal(transmission!.resentAtMs, null);
});

test('what left the queue with a packet identifier and was too large was dropped', () => {
  const [{ how, reason, leftAtMs }, ...others] = read(
    { kind: DecisionKind.Queued, detail: 3, number: 0 },
    { kind: DecisionKind.Unqueued, detail: 3 },
    { kind: DecisionKind.Dropped, small: 2 },
  );
  assert.deepEqual([how, reason, leftAtMs, others], ['queued', 'too-large', 10, []]);
});
