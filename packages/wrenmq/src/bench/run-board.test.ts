import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boardMemory, RunBoard } from './run-board.ts';

function boards(workers: number): RunBoard[] {
  const memory = boardMemory(workers, 5);
  return Array.from({ length: workers }, (_, index) => new RunBoard({ index, workers, memory }));
}

const counts = { sent: 1, acknowledged: 2, received: 3 };

test('all see the sums of all, and whether somebody still sends or waits', () => {
  const [one, other] = boards(2);
  assert.deepEqual([one.sums().isAnySending, one.sums().isBusy], [true, true]);
  one.report(counts, 4, 'done');
  assert.deepEqual([other.sums().isAnySending, other.sums().isBusy], [true, true]);
  other.report(counts, 2 ** 40, 'waiting');
  assert.deepEqual(one.sums(), { sent: 2, acknowledged: 4, received: 6, expected: 2 ** 40 + 4, isBusy: true, isAnySending: false });
  other.report(counts, 0, 'done');
  assert.equal(one.sums().isBusy, false);
});

test('a run that one breaks is broken for all', () => {
  const [one, other] = boards(2);
  assert.equal(other.isBroken, false);
  one.break();
  assert.equal(other.isBroken, true);
});

test('who hears of a delivery elsewhere takes it once, and is woken for it', async () => {
  const [publishing, receiving] = boards(2);
  const taken: number[] = [];
  let isFirst = true;
  const listening = publishing.onDeliveries(() => {
    const count = publishing.takeDeliveries(3);
    if (count > 0) taken.push(count);
    if (taken.length === 1) publishing.stopListening();
    if (isFirst) for (let i = 0; i < 7; i += 1) receiving.noteDelivery(3);
    isFirst = false;
  });
  await listening;
  assert.deepEqual([taken, publishing.takeDeliveries(3), publishing.takeDeliveries(4)], [[7], 0, 0]);
});
