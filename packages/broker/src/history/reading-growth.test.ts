import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit/seeded-random.ts';
import { tempDirectory } from '@wrenmq/testkit';
import { NodeDisk } from '#store/journal/node-disk.ts';
import { TestHistory } from './test-history.ts';

// Whoever reads while others publish, and while the disk takes what is published: nothing is passed over.

for (const filter of ['#', 't/+', 't/1']) {
  test(`a reading of ${filter} passes over nothing that is appended, written or sealed while it reads`, async (t) => {
    const directory = await tempDirectory();
    t.after(() => directory.remove());
    const random = seededRandom(20_261);
    const own = await TestHistory.open(new NodeDisk(directory.path), { segmentBytes: 1024 * 1024 });
    const expected: number[] = [];
    const publish = (count: number): void => {
      for (let index = 0; index < count; index += 1) {
        const { offset, message } = own.publish({ topic: `t/${index % 3}`, payload: 'x'.repeat(20) })!;
        if (filter !== 't/1' || message.topic === 't/1') expected.push(offset);
      }
    };
    publish(100);
    const found: number[] = [];
    let isPublishing = true;
    const publishing = (async () => {
      for (let round = 0; round < 1500; round += 1) {
        publish(Math.floor(random() * 40));
        if (random() < 0.5) own.clock.advance(100);
        await (random() < 0.5 ? turn() : null);
      }
      isPublishing = false;
    })();
    let reading = own.history.read({ filter });
    for (;;) {
      const wasPublishing = isPublishing;
      for (const { offset } of await reading.next(1 + Math.floor(random() * 64))) found.push(offset);
      if (!reading.isDone) continue;
      if (!wasPublishing) break;
      // As one who comes back goes on.
      if (random() < 0.5) reading = own.history.read({ filter, after: reading.position - 1 });
      await turn();
    }
    await publishing;
    await own.history.close();
    assert.equal(found.length, expected.length);
    assert.deepEqual(found, expected);
  });
}
