import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { NodeDisk } from '#store/journal/node-disk.ts';
import { TestHistory } from './test-history.ts';

test('what is published last is flushed soon, though nothing follows it: readers that are stored wait for that', async (t) => {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const own = await TestHistory.open(new NodeDisk(directory.path));
  own.publish({ topic: 't' });
  for (let tick = 0; tick < 30; tick += 1) {
    own.clock.advance(100);
    // The disk answers after the tick.
    for (let turns = 0; turns < 200; turns += 1) await turn();
  }
  assert.equal(own.history.flushedOffset, own.history.nextOffset);
  await own.history.close();
});
