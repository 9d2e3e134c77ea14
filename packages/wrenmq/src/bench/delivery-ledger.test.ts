import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeliveryLedger } from './delivery-ledger.ts';

function noted(...sequences: readonly number[]): { duplicates: number; outOfOrder: number } {
  const ledger = new DeliveryLedger();
  for (const sequence of sequences) ledger.note(0, sequence);
  return { duplicates: ledger.duplicates, outOfOrder: ledger.outOfOrder };
}

test('what comes in order is neither, wherever it begins and whatever is missing', () => {
  assert.deepEqual(noted(0, 1, 2, 3), { duplicates: 0, outOfOrder: 0 });
  assert.deepEqual(noted(7, 8, 12), { duplicates: 0, outOfOrder: 0 });
});

test('what comes late fills a gap, or is a duplicate', () => {
  assert.deepEqual(noted(0, 2, 1, 3), { duplicates: 0, outOfOrder: 1 });
  assert.deepEqual(noted(0, 1, 1, 0), { duplicates: 2, outOfOrder: 0 });
  assert.deepEqual(noted(0, 2, 1, 1), { duplicates: 1, outOfOrder: 1 });
});

test('streams do not meet', () => {
  const ledger = new DeliveryLedger();
  ledger.note(1, 5);
  ledger.note(2, 4);
  assert.deepEqual([ledger.duplicates, ledger.outOfOrder], [0, 0]);
});
