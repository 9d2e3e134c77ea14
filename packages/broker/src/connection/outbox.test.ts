import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '#base/counters.ts';
import { turns } from '#session/test-house.ts';
import { CHUNK_BYTES, ChunkPool } from './chunk-pool.ts';
import { Flusher } from './flusher.ts';
import { Outbox } from './outbox.ts';
import { TestLink } from './test-house.ts';

function create() {
  const link = new TestLink();
  const house = { pool: new ChunkPool(), flusher: new Flusher(), counters: new Counters() };
  return { link, house, outbox: new Outbox(link, house) };
}

test('the frames of one turn go out in one write, at its end', async () => {
  const { link, outbox, house } = create();
  outbox.push(Buffer.from('ab'));
  outbox.push(Buffer.from('cd'));
  assert.equal(outbox.pendingBytes, 4);
  assert.deepEqual(link.writes, []);
  await turns(1);
  assert.deepEqual(link.writes.map(String), ['abcd']);
  assert.equal(outbox.pendingBytes, 0);
  assert.equal(house.counters.bytesSent, 4);
});

test('a turn without frames writes nothing', async () => {
  const { link, outbox } = create();
  outbox.push(Buffer.from('a'));
  await turns(1);
  outbox.flush();
  await turns(1);
  assert.equal(link.writes.length, 1);
});

test('a frame that does not fit begins a new chunk, and order is kept', async () => {
  const { link, outbox } = create();
  outbox.push(Buffer.alloc(CHUNK_BYTES - 1, 'a'));
  outbox.push(Buffer.from('bb'));
  await turns(1);
  assert.deepEqual(
    link.writes.map(({ length }) => length),
    [CHUNK_BYTES - 1, 2],
  );
});

test('a frame larger than a chunk gets a buffer of its own, which is not kept', async () => {
  const { link, outbox, house } = create();
  outbox.push(Buffer.alloc(3 * CHUNK_BYTES, 'x'));
  outbox.push(Buffer.from('y'));
  await turns(1);
  assert.equal(link.take().toString(), `${'x'.repeat(3 * CHUNK_BYTES)}y`);
  assert.equal(house.pool.take(1).length, CHUNK_BYTES);
});

test('reserve gives places that the caller writes, one behind the other', async () => {
  const { link, outbox } = create();
  for (const text of ['one', 'two']) {
    const at = outbox.reserve(text.length);
    outbox.chunk!.write(text, at);
  }
  await turns(1);
  assert.equal(link.take().toString(), 'onetwo');
});

test('what the operating system does not take blocks the outbox: its bytes count as pending, and gather until it has drained', async () => {
  const { link, outbox } = create();
  link.isTaking = false;
  outbox.push(Buffer.from('first'));
  await turns(1);
  assert.equal(outbox.isBlocked, true);
  outbox.push(Buffer.from('second'));
  await turns(1);
  assert.deepEqual([link.writes.length, outbox.pendingBytes], [1, 11]);
  link.drain();
  outbox.onDrain();
  assert.deepEqual([outbox.isBlocked, outbox.pendingBytes], [false, 0]);
  assert.equal(link.take().toString(), 'firstsecond');
});

test('finish hands everything to the link, blocked or not', async () => {
  const { link, outbox } = create();
  link.isTaking = false;
  outbox.push(Buffer.from('a'));
  await turns(1);
  outbox.push(Buffer.from('b'));
  outbox.finish();
  assert.equal(link.take().toString(), 'ab');
});

test('a chunk goes round when the link has taken it, and stays away when the link keeps it', async () => {
  const { link, outbox, house } = create();
  outbox.push(Buffer.from('a'));
  const first = outbox.chunk;
  await turns(1);
  assert.equal(outbox.chunk, null, 'an idle connection holds no chunk');
  link.isTaking = false;
  outbox.push(Buffer.from('b'));
  assert.equal(outbox.chunk, first);
  await turns(1);
  assert.notEqual(house.pool.take(1), first);
});

test('the pool keeps a bounded number of chunks, and no others than chunks', () => {
  const pool = new ChunkPool();
  const chunks = Array.from({ length: 300 }, () => pool.take(10));
  for (const chunk of chunks) pool.give(chunk);
  pool.give(Buffer.alloc(5));
  const known = new Set(chunks);
  let reused = 0;
  for (let taken = pool.take(10); known.has(taken); taken = pool.take(10)) reused += 1;
  assert.equal(reused, 256);
});

test('the flusher serves each outbox once a turn, and those that come during a flush in the next', async () => {
  const flusher = new Flusher();
  const flushed: string[] = [];
  const late = { flush: () => void flushed.push('late') };
  const first = {
    flush() {
      flushed.push('first');
      flusher.add(late);
    },
  };
  flusher.add(first);
  flusher.add({ flush: () => void flushed.push('second') });
  await turns(1);
  assert.deepEqual(flushed, ['first', 'second']);
  await turns(1);
  assert.deepEqual(flushed, ['first', 'second', 'late']);
});
