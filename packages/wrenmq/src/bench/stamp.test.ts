import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStamp, Stamp, stampBytes, writeStamp } from './stamp.ts';

test('a stamp is read as it was written, and other payloads are not taken for one', () => {
  const stamp = Object.assign(new Stamp(), { run: 0xdead_beef, stream: 7, sequence: 0xffff_ffff, intendedMs: 1e9 + 0.125, delayMs: 0.5 });
  const bytes = Buffer.alloc(stampBytes + 3);
  writeStamp(bytes, 3, stamp);
  const read = new Stamp();
  assert.equal(readStamp(read, bytes, 3, bytes.length), true);
  assert.deepEqual(read, stamp);
  assert.equal(readStamp(read, bytes, 3, bytes.length - 1), false);
  assert.equal(readStamp(read, Buffer.alloc(100), 0, 100), false);
});
