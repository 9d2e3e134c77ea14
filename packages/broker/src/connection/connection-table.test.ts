import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { ConnectionTable, SWEEP_MS } from './connection-table.ts';

function create() {
  const clock = new FakeClock();
  const table = new ConnectionTable<{ sweep(nowMs: number): void }>(clock);
  const swept: [string, number][] = [];
  const add = (name: string, onSweep = () => {}) => {
    const connection = {
      sweep: (nowMs: number) => {
        swept.push([name, nowMs]);
        onSweep();
      },
    };
    table.add(connection);
    return connection;
  };
  return { clock, table, swept, add };
}

test('every connection is looked at once each sweep, with the time of the sweep', () => {
  const { clock, table, swept, add } = create();
  table.start();
  add('a');
  const b = add('b');
  clock.advance(SWEEP_MS);
  table.delete(b);
  clock.advance(SWEEP_MS);
  assert.deepEqual(swept, [
    ['a', SWEEP_MS],
    ['b', SWEEP_MS],
    ['a', 2 * SWEEP_MS],
  ]);
  assert.equal(table.nowMs, 2 * SWEEP_MS);
});

test('a connection may leave while it is looked at, and one that comes meanwhile is served', () => {
  const { clock, table, add } = create();
  table.start();
  const leaving = add('leaving', () => table.delete(leaving));
  add('staying', () => add('new'));
  clock.advance(SWEEP_MS);
  assert.ok(table.size >= 2);
});

test('after stop nothing is looked at', () => {
  const { clock, table, swept, add } = create();
  add('a');
  table.start();
  table.stop();
  clock.advance(10 * SWEEP_MS);
  assert.deepEqual([swept, clock.pending], [[], 0]);
});

test('whenEmpty resolves when the last connection is gone, at once when there is none', async () => {
  const { table, add } = create();
  await table.whenEmpty();
  const [a, b] = [add('a'), add('b')];
  let isEmpty = false;
  const emptied = table.whenEmpty().then(() => {
    isEmpty = true;
  });
  table.delete(a);
  await Promise.resolve();
  assert.equal(isEmpty, false);
  table.delete(b);
  await emptied;
  assert.deepEqual([...table], []);
});
