import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { connectVersionOf } from './connect.ts';
import { FrameDecoder } from './frame-decoder.ts';
import type { FrameSink } from './frame-decoder.ts';
import { packetCases } from './packet-cases.ts';
import { ProtocolError } from './protocol-error.ts';

/** Notes every frame; says false after each frame whose number is in `stops`. */
class Recorder implements FrameSink<Uint8Array> {
  readonly frames: Uint8Array[] = [];
  readonly sources = new Set<Uint8Array>();
  readonly stops: ReadonlySet<number>;

  constructor(...stops: number[]) {
    this.stops = new Set(stops);
  }

  onFrame(first: number, bytes: Uint8Array, start: number, body: number, end: number): boolean {
    assert.equal(first, bytes[start]);
    assert.ok(start + 2 <= body && body <= end && end <= bytes.length);
    this.frames.push(Uint8Array.from(bytes.subarray(start, end)));
    this.sources.add(bytes);
    return !this.stops.has(this.frames.length);
  }
}

/** Counts what a decoder asks for. */
class Allocator {
  calls = 0;
  bytes = 0;
  readonly allocate = (bytes: number) => {
    this.calls++;
    this.bytes += bytes;
    return new Uint8Array(bytes);
  };
}

function setUp(frameBytesMax = 268_435_460) {
  const allocator = new Allocator();
  return { allocator, decoder: new FrameDecoder<Uint8Array>(allocator.allocate, frameBytesMax, connectVersionOf) };
}

/** A PUBLISH with a body of `length` bytes. */
function packet(length: number): Uint8Array {
  const header = [0x30];
  for (let rest = length; ; rest >>= 7) {
    header.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  return bytes.fill(length & 255, header.length);
}

function join(packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(packets.flatMap((each) => [...each]));
}

const sizes = [0, 1, 126, 127, 128, 129, 300, 16383, 16384];

describe('FrameDecoder', () => {
  it('hands out whole frames where they lie, without allocating', () => {
    const { allocator, decoder } = setUp();
    const recorder = new Recorder();
    const packets = [...packetCases.map(({ bytes }) => bytes), packet(200)];
    const input = join(packets);
    decoder.push(input, 0, input.length, recorder);
    assert.deepEqual(recorder.frames, packets);
    assert.deepEqual([...recorder.sources], [input]);
    assert.equal(allocator.calls, 0);
  });

  it('reads only from start to end', () => {
    const { decoder } = setUp();
    const recorder = new Recorder();
    decoder.push(Uint8Array.of(0xff, 0xc0, 0, 0xff), 1, 3, recorder);
    assert.deepEqual(recorder.frames, [Uint8Array.of(0xc0, 0)]);
    assert.equal(decoder.bufferedBytes, 0);
  });

  it('gives the same frames wherever the input is cut', () => {
    const packets = [packet(3), packet(0), packet(130), packet(1)];
    const input = join(packets);
    for (let cut = 0; cut <= input.length; cut++) {
      const { decoder } = setUp();
      const recorder = new Recorder();
      decoder.push(input, 0, cut, recorder);
      decoder.push(input, cut, input.length, recorder);
      assert.deepEqual(recorder.frames, packets, `cut at ${cut}`);
      assert.equal(decoder.bufferedBytes, 0);
    }
  });

  it('gives the same frames for any cuts, stops and resumptions, and loses nothing', () => {
    const arbitrary = fc.record({
      lengths: fc.array(fc.oneof(fc.nat(5), fc.constantFrom(...sizes)), { maxLength: 12 }),
      chunk: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
      stops: fc.uniqueArray(fc.integer({ min: 1, max: 12 })),
    });
    fc.assert(
      fc.property(arbitrary, ({ lengths, chunk, stops }) => {
        const packets = lengths.map(packet);
        const input = join(packets);
        const { decoder } = setUp();
        const recorder = new Recorder(...stops);
        for (let at = 0, turn = 0; at < input.length; turn++) {
          const end = Math.min(input.length, at + chunk[turn % chunk.length]);
          decoder.push(input.slice(at, end), 0, end - at, recorder);
          if (turn % 3 === 0) decoder.resume(recorder);
          at = end;
        }
        while (decoder.isStopped) decoder.resume(recorder);
        assert.deepEqual(recorder.frames, packets);
        assert.equal(decoder.bufferedBytes, 0);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('stops when the sink says so, keeps the rest, and goes on at resume', () => {
    const { decoder } = setUp();
    const recorder = new Recorder(1);
    const input = join([packet(1), packet(2), packet(3)]);
    decoder.push(input, 0, input.length - 2, recorder);
    assert.equal(recorder.frames.length, 1);
    assert.equal(decoder.bufferedBytes, input.length - 2 - 3);
    decoder.push(input, input.length - 2, input.length, recorder);
    assert.equal(recorder.frames.length, 1, 'a stopped decoder only collects');
    input.fill(0);
    decoder.resume(recorder);
    assert.deepEqual(recorder.frames, [packet(1), packet(2), packet(3)]);
    assert.equal(decoder.isStopped, false);
  });

  it('stays stopped although nothing is left', () => {
    const { allocator, decoder } = setUp();
    const recorder = new Recorder(1);
    decoder.push(packet(0), 0, 2, recorder);
    assert.equal(decoder.isStopped, true);
    assert.equal(allocator.calls, 0);
    decoder.push(packet(0), 0, 2, recorder);
    assert.equal(recorder.frames.length, 1);
    decoder.resume(recorder);
    assert.equal(recorder.frames.length, 2);
  });

  it('does not grow while stops and input go on', () => {
    const { allocator, decoder } = setUp();
    const recorder = new Recorder(...Array.from({ length: 2001 }, (_, index) => index));
    for (let round = 0; round < 1000; round++) {
      decoder.push(packet(10), 0, 12, recorder);
      decoder.resume(recorder);
    }
    assert.ok(decoder.bufferedBytes <= 24);
    assert.ok(allocator.bytes <= 1000 * 128);
  });

  it('reserves for bytes that came, not for a length that was claimed', () => {
    const { allocator, decoder } = setUp();
    const recorder = new Recorder();
    decoder.push(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f, 0), 0, 6, recorder);
    assert.equal(decoder.bufferedBytes, 6);
    assert.equal(allocator.bytes, 64);
  });

  it('copies a frame that comes byte by byte a bounded number of times', () => {
    const { allocator, decoder } = setUp();
    const recorder = new Recorder();
    const input = packet(100_000);
    for (let at = 0; at < input.length; at++) decoder.push(input, at, at + 1, recorder);
    assert.deepEqual(recorder.frames, [input]);
    assert.ok(allocator.bytes <= 3 * input.length, `${allocator.bytes} bytes reserved`);
    assert.equal(decoder.bufferedBytes, 0);
  });

  it('refuses a frame that is too large as soon as its header is known [MQTT-3.2.2-15] [MQTT-3.1.2-24]', () => {
    const { allocator, decoder } = setUp(100);
    const recorder = new Recorder();
    decoder.push(packet(98), 0, 100, recorder);
    assert.equal(recorder.frames.length, 1);
    assert.throws(() => decoder.push(packet(99), 0, 2, recorder), { reasonCode: 0x95 });
    assert.equal(allocator.calls, 0);
    decoder.frameBytesMax = 101;
    decoder.push(packet(99), 0, 101, recorder);
    assert.equal(recorder.frames.length, 2);
  });

  it('says in whose form to answer a CONNECT that is too large, when its protocol level has come', () => {
    const start = Uint8Array.of(0x10, 0xff, 0x7f, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5);
    const versionAfter = (bytes: Uint8Array): unknown => {
      try {
        setUp(100).decoder.push(bytes, 0, bytes.length, new Recorder());
      } catch (error) {
        return (error as ProtocolError).connectVersion;
      }
      return 'nothing thrown';
    };
    for (let length = 3; length < start.length; length++) assert.equal(versionAfter(start.slice(0, length)), undefined);
    assert.equal(versionAfter(start), 5);
    assert.equal(versionAfter(start.with(9, 4)), 4);
    assert.equal(versionAfter(start.with(9, 6)), undefined);
    assert.equal(versionAfter(start.with(5, 0x6d)), undefined);
    assert.equal(versionAfter(start.with(0, 0x30)), undefined);
  });

  it('refuses a remaining length of five bytes or more bytes than needed [MQTT-1.5.5-1]', () => {
    const recorder = new Recorder();
    const refuses = (...bytes: number[]) => {
      const whole = setUp().decoder;
      assert.throws(() => whole.push(Uint8Array.from(bytes), 0, bytes.length, recorder), { reasonCode: 0x81 });
      const cut = setUp().decoder;
      assert.throws(() => bytes.forEach((byte) => cut.push(Uint8Array.of(byte), 0, 1, recorder)), ProtocolError);
    };
    refuses(0x30, 0x80, 0x80, 0x80, 0x80);
    refuses(0x30, 0x80, 0x80, 0x80, 0x80, 0x01);
    refuses(0x30, 0x80, 0x00);
    refuses(0x30, 0xff, 0x80, 0x00);
  });
});
