import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecisionKind } from './decision.ts';
import { DecisionRing, lowWord, packFacts } from './decision-ring.ts';

const nowMs = Date.UTC(2030, 0, 1);

function write(ring: DecisionRing, atMs: number, number: number): number {
  const at = ring.append(lowWord(atMs), packFacts({ kind: DecisionKind.Sent, qos: 1, number }), number);
  ring.about(at, 1, 2, 3);
  return at;
}

function numbers(ring: DecisionRing, readMs = nowMs): number[] {
  return ring.read(readMs, () => true).map(({ number }) => number);
}

test('an entry comes back as it was written, with its time and its key', () => {
  const ring = new DecisionRing(8, () => {});
  const facts = { kind: DecisionKind.Unqueued, qos: 2, isDuplicate: true, retain: true, step: 5, small: 15, number: 65_535 };
  const at = ring.append(lowWord(nowMs - 1500), packFacts(facts), -7);
  ring.about(at, -1, 0x7fff_ffff, -0x8000_0000);
  const key = { client: -1, keyHigh: 0x7fff_ffff, keyLow: -0x8000_0000 };
  assert.deepEqual(
    ring.read(nowMs, () => true),
    [{ ...facts, ...key, order: 0, atMs: nowMs - 1500, detail: -7 }],
  );
});

test('a new entry overwrites the oldest one, and the order stays', () => {
  const ring = new DecisionRing(4, () => {});
  for (let number = 1; number <= 11; number += 1) write(ring, nowMs - 100 + number, number);
  assert.equal(ring.size, 4);
  assert.deepEqual(numbers(ring), [8, 9, 10, 11]);
  assert.equal(ring.oldestMs(nowMs), nowMs - 92);
});

test('nothing is there at first, and after it was cleared', () => {
  const ring = new DecisionRing(4, () => {});
  assert.deepEqual(numbers(ring), []);
  assert.equal(ring.oldestMs(nowMs), null);
  for (let number = 1; number <= 5; number += 1) write(ring, nowMs, number);
  ring.clear();
  assert.deepEqual(numbers(ring), []);
  assert.equal(ring.isFull, false);
});

test('times are right where the low word of the clock overflows, and over longer than it lasts', () => {
  const ring = new DecisionRing(8, () => {});
  const step = 20 * 24 * 3600 * 1000;
  const times = Array.from({ length: 6 }, (_, index) => nowMs + index * step);
  for (const [index, atMs] of times.entries()) write(ring, atMs, index);
  assert.deepEqual(
    ring.read(times[5] + step, () => true).map(({ atMs }) => atMs),
    times,
  );
});

test('a wall clock that goes back a little leaves the order alone', () => {
  const ring = new DecisionRing(8, () => {});
  for (const [index, atMs] of [nowMs, nowMs - 5000, nowMs - 4000].entries()) write(ring, atMs, index);
  assert.deepEqual(numbers(ring, nowMs - 3000), [0, 1, 2]);
  assert.deepEqual(
    ring.read(nowMs - 3000, () => true).map(({ atMs }) => atMs - nowMs),
    [0, -5000, -4000],
  );
});

test('when a half is full that is told, and nothing of it is overwritten before that is told again', () => {
  let halves = 0;
  const ring = new DecisionRing(6, () => (halves += 1));
  const writtenIn = new Map<number, number>();
  for (let number = 1; number < 40; number += 1) {
    writtenIn.set(number, halves);
    write(ring, nowMs, number);
    const known = new Set(numbers(ring));
    for (const [before, half] of writtenIn) if (halves - half <= 1) assert.ok(known.has(before));
  }
  assert.equal(halves, 13);
});
