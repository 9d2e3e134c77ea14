import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AcknowledgementFrame, decodeAcknowledgement } from './acknowledgement.ts';
import { decodePacket } from './decode-packet.ts';
import { encodePacket } from './encode-packet.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { anyPacket } from './packet-arbitraries.test.ts';
import { packetCases } from './packet-cases.ts';
import { packetErrorCases } from './packet-error-cases.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { Packet } from './packet.ts';
import { ProtocolError } from './protocol-error.ts';
import { PublishFrame, decodePublish, forwardableProperties } from './publish-frame.ts';

const versions: readonly ProtocolVersion[] = [3, 4, 5];
const version = fc.constantFrom(...versions);

/** Decodes a stream of packets; the last element is the error when there was one. Any other exception escapes. */
function decodeStream(speaks: ProtocolVersion, chunks: readonly Uint8Array[]): (Packet | ProtocolError)[] {
  const results: (Packet | ProtocolError)[] = [];
  const decoder = new FrameDecoder<Uint8Array>((bytes) => new Uint8Array(bytes), 1 << 20);
  const sink = {
    onFrame(first: number, bytes: Uint8Array, _start: number, body: number, end: number): boolean {
      results.push(decodePacket(speaks, first, bytes, body, end));
      return true;
    },
  };
  try {
    for (const chunk of chunks) decoder.push(chunk, 0, chunk.length, sink);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    results.push(error);
  }
  return results;
}

describe('A packet that was encoded', () => {
  for (const speaks of versions) {
    it(`is decoded to the same, version ${speaks}`, () => {
      fc.assert(
        fc.property(anyPacket(speaks), (packet) => {
          assert.deepEqual(decodeStream(speaks, [encodePacket(packet, speaks)]), [packet]);
        }),
        { numRuns: 2000, seed: 3 },
      );
    });
  }

  it('has one encoding: decoding and encoding again gives the same bytes', () => {
    for (const { version: speaks, bytes, isShortest = true } of packetCases) {
      if (!isShortest) continue;
      const packet = decodePacket(speaks, bytes[0], bytes, 2, bytes.length);
      assert.deepEqual(encodePacket(packet, speaks), bytes);
    }
  });

  it('is the same wherever its stream is cut', () => {
    for (const speaks of versions) {
      const cases = packetCases.filter((each) => each.version === speaks);
      const input = Uint8Array.from(cases.flatMap(({ bytes }) => [...bytes]));
      const packets = cases.map(({ packet }) => packet);
      for (let cut = 1; cut < input.length; cut++) {
        assert.deepEqual(decodeStream(speaks, [input.slice(0, cut), input.slice(cut)]), packets);
      }
    }
  });
});

describe('Only a ProtocolError is thrown', () => {
  it('for random bytes', () => {
    fc.assert(
      fc.property(version, fc.uint8Array({ maxLength: 100 }), (speaks, bytes) => {
        decodeStream(speaks, [bytes]);
      }),
      { numRuns: 5000, seed: 4 },
    );
  });

  it('for every first byte and random bodies', () => {
    const first = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(version, first, fc.uint8Array({ maxLength: 60 }), (speaks, type, body) => {
        decodeStream(speaks, [Uint8Array.of(type, body.length, ...body)]);
      }),
      { numRuns: 10_000, seed: 5 },
    );
  });

  it('for valid and invalid packets with some bytes changed', () => {
    const inputs = [...packetCases, ...packetErrorCases].map(({ version: speaks, bytes }) => ({ speaks, bytes }));
    const change = fc.tuple(fc.nat(200), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)));
    fc.assert(
      fc.property(fc.constantFrom(...inputs), fc.array(change, { minLength: 1, maxLength: 3 }), version, ({ bytes }, changes, speaks) => {
        const mutant = Uint8Array.from(bytes);
        for (const [position, value] of changes) mutant[position % mutant.length] = value;
        decodeStream(speaks, [mutant]);
      }),
      { numRuns: 20_000, seed: 6 },
    );
  });

  it('for every case at every version, cut off at every byte', () => {
    for (const { bytes } of [...packetCases, ...packetErrorCases]) {
      for (const speaks of versions) {
        for (let end = 2; end <= bytes.length; end++) {
          const shorter = Uint8Array.from(bytes.subarray(0, end));
          shorter[1] = end - 2;
          decodeStream(speaks, [shorter]);
        }
      }
    }
  });
});

/** Mutants of PUBLISH bodies: dense in properties, valid ones among them. */
const publishBytes = fc.oneof(
  fc
    .tuple(anyPacket(5), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 2 }))
    .filter(([packet]) => packet.type === PacketType.PUBLISH)
    .map(([packet, changes]) => {
      const bytes = Uint8Array.from(encodePacket(packet, 5));
      for (const [position, value] of changes) bytes[position % bytes.length] = value;
      return bytes;
    }),
  fc.constantFrom(...[...packetCases, ...packetErrorCases].filter(({ bytes }) => bytes[0] >> 4 === 3).map(({ bytes }) => bytes)),
);

describe('The fast decoders agree with decodePacket', () => {
  const thrownBy = (run: () => void): string | null => {
    try {
      run();
      return null;
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
      return error.clause;
    }
  };
  const bodyOf = (bytes: Uint8Array) => (bytes[1] > 127 ? 3 : 2);

  it('on PUBLISH: whatever decodePublish accepts has properties that can be decoded', () => {
    fc.assert(
      fc.property(publishBytes, (bytes) => {
        const into = new PublishFrame();
        const fast = thrownBy(() => decodePublish(into, 5, bytes[0] | 0x30, bytes, bodyOf(bytes), bytes.length));
        const slow = thrownBy(() => decodePacket(5, (bytes[0] & 0x0f) | 0x30, bytes, bodyOf(bytes), bytes.length));
        const isTopic = slow === 'MQTT-1.5.4-1' || slow === 'MQTT-3.3.2-2';
        if (fast === null) assert.ok(slow === null || isTopic, `${slow}`);
        if (fast === null && slow === null) {
          const forwarded = forwardableProperties(bytes, into).properties;
          assert.equal(into.isForwardable, forwarded.length === into.propertiesEnd - into.propertiesStart);
        }
      }),
      { numRuns: 3000, seed: 7 },
    );
  });

  it('on acknowledgements', () => {
    const into = new AcknowledgementFrame();
    for (const { version: speaks, bytes, packet } of packetCases) {
      if (packet.type < PacketType.PUBACK || packet.type > PacketType.PUBCOMP) continue;
      decodeAcknowledgement(into, speaks, bytes[0], bytes, 2, bytes.length);
      const { packetId, reasonCode } = into;
      assert.partialDeepStrictEqual(packet, { packetId, reasonCode });
    }
  });
});
