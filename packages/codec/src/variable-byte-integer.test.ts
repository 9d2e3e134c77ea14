import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  readVariableByteInteger,
  variableByteIntegerMax,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from './variable-byte-integer.ts';

const cases: [value: number, bytes: number[]][] = [
  [0, [0]],
  [127, [0x7f]],
  [128, [0x80, 1]],
  [16383, [0xff, 0x7f]],
  [16384, [0x80, 0x80, 1]],
  [2097151, [0xff, 0xff, 0x7f]],
  [2097152, [0x80, 0x80, 0x80, 1]],
  [variableByteIntegerMax, [0xff, 0xff, 0xff, 0x7f]],
];

describe('A variable byte integer', () => {
  for (const [value, bytes] of cases) {
    it(`${value} takes ${bytes.length} bytes in both directions [MQTT-1.5.5-1]`, () => {
      assert.equal(variableByteIntegerSize(value), bytes.length);
      const target = new Uint8Array(6);
      assert.equal(writeVariableByteInteger(target, 1, value), 1 + bytes.length);
      assert.deepEqual([...target.subarray(1, 1 + bytes.length)], bytes);
      assert.equal(readVariableByteInteger(target, 1, 6), value);
    });
  }

  it('is malformed when it is longer than needed [MQTT-1.5.5-1]', () => {
    for (const bytes of [
      [0x80, 0],
      [0xff, 0x80, 0],
      [0x80, 0x80, 0x80, 0],
    ]) {
      assert.throws(() => readVariableByteInteger(Uint8Array.from(bytes), 0, bytes.length), { clause: 'MQTT-1.5.5-1', reasonCode: 0x81 });
    }
  });

  it('is malformed when it is cut off or has five bytes', () => {
    assert.throws(() => readVariableByteInteger(Uint8Array.of(0x80, 0x80), 0, 2), { clause: '1.5.5', reasonCode: 0x81 });
    assert.throws(() => readVariableByteInteger(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 1), 0, 5), { clause: '1.5.5', reasonCode: 0x81 });
  });
});
