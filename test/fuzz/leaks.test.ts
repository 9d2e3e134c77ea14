import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameDecoder } from '@wrenmq/codec';
import { usedBytes } from './measure.ts';
import { mutate, mutation } from './mutations.ts';
import { anyPacket, goodConnect } from './packets.ts';
import { FuzzHouse, script } from './scenario.ts';
import { fuzzSeed } from './seed.ts';
import { SocketHouse } from './socket-house.ts';

const MIB = 1024 * 1024;

test('the broker keeps no memory of clients that sent garbage', async () => {
  await using house = await FuzzHouse.open();
  const scripts = fc.sample(script, { seed: fuzzSeed, numRuns: 1500 });
  const playAll = async (): Promise<number> => {
    for (const one of scripts) await house.play([one]);
    await house.checkNothingIsLeft();
    return usedBytes();
  };
  await playAll();
  const before = await playAll();
  const after = await playAll();
  assert.ok(after - before < MIB, `${after - before} bytes more after ${scripts.length} connections`);
});

test('the broker keeps no sockets and no timers of clients that sent garbage', async () => {
  const scripts = fc.sample(script, { seed: fuzzSeed + 1, numRuns: 60 });
  const count = (): number => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).length;
  const before = count();
  {
    await using house = await SocketHouse.open();
    const idle = count();
    for (const one of scripts) await house.play([one]);
    assert.ok(count() <= idle + 2, `${count()} resources, ${idle} before`);
  }
  assert.ok(count() <= before, `${count()} resources after the broker has stopped, ${before} before`);
});

test('a decoder takes a stream in any pieces, holds no more than came, and reserves no more than twice that', () => {
  const stream = fc.tuple(goodConnect(5), fc.array(fc.tuple(anyPacket(5), fc.array(mutation, { maxLength: 1 })), { maxLength: 6 }));
  const pieces = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 50 });
  const stops = fc.array(fc.boolean(), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(stream, pieces, stops, ([first, rest], sizes, answers) => {
      const bytes = Buffer.concat([first, ...rest.map(([packet, list]) => list.reduce(mutate, packet))]);
      assert.deepEqual(decodeInPieces(bytes, sizes, answers), decodeInPieces(bytes, [bytes.length], [true]));
    }),
    { seed: fuzzSeed, numRuns: 3000 },
  );
});

/** The frames of a stream, and what ended it; stopping and resuming as the answers say. */
function decodeInPieces(bytes: Buffer, sizes: readonly number[], answers: readonly boolean[]): { frames: string[]; error: string } {
  const frames: string[] = [];
  let reserved = 0;
  const allocate = (size: number): Buffer => {
    reserved = size;
    return Buffer.alloc(size);
  };
  const decoder = new FrameDecoder<Buffer>(allocate, 4096);
  const sink = {
    onFrame(first: number, frame: Buffer, start: number, body: number, end: number): boolean {
      assert.equal(frame[start], first);
      frames.push(`${first} ${frame.toString('hex', body, end)}`);
      return answers[frames.length % answers.length];
    },
  };
  try {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const end = Math.min(at + sizes[turn % sizes.length], bytes.length);
      decoder.push(bytes, at, end, sink);
      at = end;
      assert.ok(decoder.bufferedBytes <= at, 'more is held than came');
      assert.ok(reserved <= Math.max(64, 2 * at), 'more is reserved than twice what came');
      while (decoder.isStopped) decoder.resume(sink);
    }
    return { frames, error: '' };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ProtocolError') throw error;
    return { frames, error: error.message };
  }
}
