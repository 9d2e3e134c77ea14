import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeConnect } from './connect.ts';
import { decodePacket } from './decode-packet.ts';
import { frame, name3, name4, text } from './packet-case.ts';
import { packetCases } from './packet-cases.ts';
import { packetErrorCases } from './packet-error-cases.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { Packet } from './packet.ts';
import { ProtocolError } from './protocol-error.ts';

/** Decodes a packet whose length is one byte. */
function decode(version: ProtocolVersion, bytes: Uint8Array): Packet {
  return decodePacket(version, bytes[0], bytes, 2, bytes.length);
}

/** What `run` returns, or the ProtocolError that it throws. */
function resultOf(run: () => Packet): Packet | ProtocolError {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

function thrownBy(run: () => Packet): ProtocolError {
  const result = resultOf(run);
  assert.ok(result instanceof ProtocolError, 'nothing was thrown');
  return result;
}

describe('decodePacket reads', () => {
  for (const { name, version, bytes, packet } of packetCases) {
    it(name, () => {
      assert.deepEqual(decode(version, bytes), packet);
    });
  }
});

describe('decodePacket refuses', () => {
  for (const { name, version, bytes, reasonCode, clause } of packetErrorCases) {
    it(name, () => {
      const error = thrownBy(() => decode(version, bytes));
      assert.equal(error.clause, clause);
      assert.equal(error.reasonCode, reasonCode);
      assert.ok(error.message.includes(clause));
    });
  }

  it('a packet that is cut off anywhere, or reads it as a shorter one', () => {
    for (const { name, version, bytes, packet, isShortest = true } of packetCases) {
      for (let end = 2; end < bytes.length; end++) {
        const shorter = resultOf(() => decodePacket(version, bytes[0], bytes, 2, end));
        if (isShortest) assert.notDeepEqual(shorter, packet, `${name} at ${end}`);
      }
    }
  });
});

describe('decodePacket', () => {
  it('reads Buffers and packets amid other bytes, and owns what it returns', () => {
    for (const { version, bytes, packet } of packetCases) {
      const stream = Buffer.alloc(bytes.length + 20, 0xff);
      stream.set(bytes, 7);
      const decoded = decodePacket(version, stream[7], stream, 9, 7 + bytes.length);
      stream.fill(0);
      assert.deepEqual(decoded, packet);
    }
  });
});

describe('decodeConnect', () => {
  const answerTo = (bytes: Uint8Array) => {
    const { version, connectVersion } = thrownBy(() => decodeConnect(bytes, 2, bytes.length));
    return [version, connectVersion];
  };

  it('says which version a broken CONNECT speaks, so that the answer can be understood', () => {
    assert.deepEqual(answerTo(frame(0x10, name4, 5, 1, 0, 0, 0, text('a'))), [5, 5]);
    assert.deepEqual(answerTo(frame(0x10, name4, 4, 1, 0, 0, text('a'))), [4, 4]);
    assert.deepEqual(answerTo(frame(0x10, name3, 3, 0x40, 0, 0, text('a'))), [3, 3]);
    assert.deepEqual(answerTo(frame(0x10, name4, 5)), [5, 5]);
  });

  it('names the nearest version for an unsupported level or name [MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT311-3.1.2-2]', () => {
    assert.deepEqual(answerTo(frame(0x10, name4, 6)), [undefined, 5]);
    assert.deepEqual(answerTo(frame(0x10, name4, 3)), [undefined, 4]);
    assert.deepEqual(answerTo(frame(0x10, name3, 4)), [undefined, 3]);
    assert.deepEqual(answerTo(frame(0x10, name4, 0x85)), [undefined, 5]);
    assert.deepEqual(answerTo(frame(0x10, text('HTTP'), 5)), [undefined, 5]);
    assert.deepEqual(answerTo(frame(0x10, text('HTTP'), 1)), [undefined, 4]);
  });

  it('knows no version when CONNECT breaks before its level', () => {
    assert.deepEqual(answerTo(frame(0x10, name4)), [undefined, undefined]);
  });
});
