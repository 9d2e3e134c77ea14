import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrameHeader, encodeRecord, FRAME_HEADER_BYTES, seedOf } from './frame.ts';
import { Recovery } from './recovery.ts';
import { SegmentBytes } from './segment-bytes.ts';

const secret = 4711;

/** A segment of one commit that puts so many records of 100 bytes. */
function segmentOf(records: number, count = records): { bytes: Buffer; end: number } {
  const bytes = Buffer.alloc(4096);
  let at = FRAME_HEADER_BYTES;
  for (let i = 0; i < records; i += 1) {
    at += encodeRecord(bytes, at, seedOf(secret, 1, at), { table: 'log', key: Buffer.from(`key${i}`), value: Buffer.alloc(100, i) });
  }
  encodeFrameHeader(bytes, seedOf(secret, 1, 0), { bodyBytes: at - FRAME_HEADER_BYTES, count, sequence: 1, changesBefore: 0 });
  return { bytes, end: at };
}

async function recover(bytes: Buffer, flushedSequence: number): Promise<Recovery> {
  const recovery = new Recovery({ sequenceBefore: 0, changesBefore: 0, sequence: flushedSequence, changes: 0 }, async () => false);
  await recovery.replay(new SegmentBytes(secret, 1, bytes, 0), 'journal-00000001');
  return recovery;
}

test('the last frame is kept as it was read, though its memory is used for another segment then', async () => {
  const { bytes, end } = segmentOf(3);
  const written = Buffer.from(bytes.subarray(0, end));
  const recovery = await recover(bytes, 0);
  bytes.fill(0xff);
  assert.deepEqual(recovery.lastFrame?.bytes, written);
});

test('a commit that lacks a single bit is dropped whole when nobody was told of it', async () => {
  for (const at of [FRAME_HEADER_BYTES + 30, 300, segmentOf(3).end - 20]) {
    const { bytes } = segmentOf(3);
    bytes[at] ^= 1;
    const recovery = await recover(bytes, 0);
    assert.deepEqual([recovery.index.count('log'), recovery.sequence, recovery.hasDroppedUnfinished], [0, 0, true]);
  }
});

test('of a commit that was flushed all records but the damaged one are taken, and that one by its name', async () => {
  const { bytes } = segmentOf(3);
  bytes[FRAME_HEADER_BYTES + 30] ^= 1;
  const recovery = await recover(bytes, 1);
  assert.deepEqual([recovery.index.count('log'), recovery.sequence, recovery.losses.length], [3, 1, 0]);
  assert.deepEqual(
    recovery.damaged.map(({ table, key }) => [table, key]),
    [['log', 'key0']],
  );
});

test('a commit with fewer records than it says is not whole', async () => {
  assert.equal((await recover(segmentOf(3, 4).bytes, 0)).sequence, 0);
  assert.deepEqual((await recover(segmentOf(3, 4).bytes, 1)).losses, [{ place: 'journal-00000001 at byte 0', changes: 1 }]);
});
